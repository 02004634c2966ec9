/// The largest size that networks and options may ask for: a million channels, say.
package let largestSize = 1 << 20

/// Throws unless a number of a layer is from `minimum` up to `maximum`: what files may say holds for layers made in Swift,
/// too, so that products of sizes stay numbers, and every network that works can be written to a file.
package func requireSize(
  _ name: String, _ value: Int, atLeast minimum: Int = 1, atMost maximum: Int = largestSize
) throws(NetworkError) {
  guard value >= minimum else {
    throw NetworkError(path: [.name(name)], expected: "an integer of at least \(minimum)", found: "\(value)")
  }
  guard value <= maximum else {
    throw NetworkError(
      path: [.name(name)], expected: "an integer of at least \(minimum) and at most \(maximum)", found: "\(value)")
  }
}

/// The same of every number in a list.
package func requireSizes(
  _ name: String, _ values: [Int], atLeast minimum: Int = 1, atMost maximum: Int = largestSize
) throws(NetworkError) {
  for (index, value) in values.enumerated() {
    do {
      try requireSize(name, value, atLeast: minimum, atMost: maximum)
    } catch {
      throw NetworkError(path: [.name(name), .index(index)], expected: error.expected, found: error.found)
    }
  }
}
