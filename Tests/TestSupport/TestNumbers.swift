/// Repeatable numbers for tests.
package struct TestNumbers {
  private var state: UInt64

  package init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 0x1234_5678 }

  package mutating func bits() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// In (low, high), with few enough digits to be a Float.
  package mutating func uniform(_ low: Double = -1, _ high: Double = 1) -> Double {
    Double(Float(low + (high - low) * Double(bits() >> 11) / Double(1 << 53)))
  }

  package mutating func below(_ bound: Int) -> Int { Int(bits() % UInt64(bound)) }
}
