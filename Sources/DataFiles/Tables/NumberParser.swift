/// Reads a number from bytes, exactly rounded, without making a string of it.
///
/// Three ways, from the most frequent to the rarest:
/// - up to 2^53 as an integer and a power of ten up to 22: both are exact as doubles, so one multiplication or division
///   rounds once (*Source:* Clinger, "How to read floating point numbers accurately", 1990);
/// - up to 19 digits and a power of ten up to 19: the quotient or product in 128 bits, whose last bit says whether
///   anything was cut off, rounds once when it becomes a double;
/// - anything else: the standard library.
struct NumberParser {
  /// What stands before the decimals: a point or a comma.
  let mark: UInt8
  /// 10^0 to 10^22, at hand without a look at whether a global variable is there yet.
  private let powersOfTen: UnsafePointer<Double> = NumberParser.allPowersOfTen

  init(mark: UInt8) { self.mark = mark }

  /// What a number looked like, beside its value.
  struct Traits: OptionSet {
    let rawValue: UInt8
    /// With a decimal mark.
    static let hasMark = Traits(rawValue: 1)
    /// The mark cannot separate thousands: other than three digits after it, none or more than three before it, a zero
    /// in front, or an exponent.
    static let isMarkCertain = Traits(rawValue: 2)
    /// A zero before other digits, as codes have.
    static let hasLeadingZero = Traits(rawValue: 4)
  }

  /// The number that begins at `position`, which moves behind it; nil, and no move, where none begins.
  ///
  /// Numbers are signs, digits with a mark, and an exponent: no infinity, no hexadecimal digits.
  @inline(__always)
  func number(
    _ bytes: UnsafePointer<UInt8>, _ position: inout Int, end: Int
  ) -> (value: Double, traits: Traits)? {
    var index = position
    var isNegative = false
    if index < end, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
      isNegative = bytes[index] == UInt8(ascii: "-")
      index += 1
    }
    let start = index
    var mantissa: UInt64 = 0
    while index < end {
      let digit = bytes[index] &- UInt8(ascii: "0")
      guard digit < 10 else { break }
      mantissa = mantissa &* 10 &+ UInt64(digit)
      index += 1
    }
    let integerCount = index - start
    var traits = Traits()
    var fractionCount = 0
    if index < end, bytes[index] == mark {
      index += 1
      let fraction = index
      while index < end {
        let digit = bytes[index] &- UInt8(ascii: "0")
        guard digit < 10 else { break }
        mantissa = mantissa &* 10 &+ UInt64(digit)
        index += 1
      }
      fractionCount = index - fraction
      traits = .hasMark
      if fractionCount != 3 || integerCount == 0 || integerCount > 3 || bytes[start] == UInt8(ascii: "0") {
        traits.insert(.isMarkCertain)
      }
    }
    guard integerCount + fractionCount > 0 else { return nil }
    if integerCount > 1, bytes[start] == UInt8(ascii: "0") { traits.insert(.hasLeadingZero) }
    var exponent = -fractionCount
    if index < end, bytes[index] | 0x20 == UInt8(ascii: "e"),
      let (power, next) = Self.exponent(bytes, index + 1, end: end)
    {
      exponent += power
      index = next
      traits.insert(.isMarkCertain)
    }
    let value: Double
    if integerCount + fractionCount <= 19 || Self.significantDigits(bytes, start, index, mark) <= 19 {
      value = scaled(mantissa, exponent) ?? library(bytes, start, index)
    } else {
      value = library(bytes, start, index)
    }
    position = index
    return (isNegative ? -value : value, traits)
  }

  /// The number that all of `bytes` is; nil when they are more or something else.
  func whole(_ bytes: UnsafeBufferPointer<UInt8>) -> (value: Double, traits: Traits)? {
    guard let base = bytes.baseAddress else { return nil }
    var position = 0
    guard let result = number(base, &position, end: bytes.count), position == bytes.count else { return nil }
    return result
  }

  /// Digits of an exponent after its letter; nil where there are none.
  private static func exponent(
    _ bytes: UnsafePointer<UInt8>, _ start: Int, end: Int
  ) -> (power: Int, next: Int)? {
    var index = start
    var isNegative = false
    if index < end, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
      isNegative = bytes[index] == UInt8(ascii: "-")
      index += 1
    }
    let first = index
    var power = 0
    while index < end {
      let digit = bytes[index] &- UInt8(ascii: "0")
      guard digit < 10 else { break }
      // Larger ones are infinity or zero whatever follows.
      if power < 100_000 { power = power * 10 + Int(digit) }
      index += 1
    }
    return index == first ? nil : (isNegative ? -power : power, index)
  }

  /// Digits from the first that is not zero to the end of the mantissa.
  private static func significantDigits(
    _ bytes: UnsafePointer<UInt8>, _ start: Int, _ end: Int, _ mark: UInt8
  ) -> Int {
    var count = 0
    for index in start..<end where bytes[index] != mark {
      let digit = bytes[index] &- UInt8(ascii: "0")
      guard digit < 10 else { break }
      if count > 0 || digit > 0 { count += 1 }
    }
    return count
  }

  /// `mantissa` · 10^`exponent`, rounded once; nil outside of what this does.
  @inline(__always)
  private func scaled(_ mantissa: UInt64, _ exponent: Int) -> Double? {
    if mantissa <= 1 << 53, exponent >= -22, exponent <= 22 {
      let value = Double(mantissa)
      return exponent < 0 ? value / powersOfTen[-exponent] : value * powersOfTen[exponent]
    }
    return Self.scaledInWideIntegers(mantissa, exponent)
  }

  @inline(never)
  private static func scaledInWideIntegers(_ mantissa: UInt64, _ exponent: Int) -> Double? {
    guard mantissa > 0, exponent >= -19, exponent <= 19 else { return nil }
    let power = integerPowersOfTen[abs(exponent)]
    let shift = mantissa.leadingZeroBitCount
    let normalized = mantissa << shift
    if exponent >= 0 {
      // The product's upper half is at least 2^62: of its bits 53 are kept, and the last says whether there were more.
      let (high, low) = normalized.multipliedFullWidth(by: power << power.leadingZeroBitCount)
      let bits = low == 0 ? high : high | 1
      return Double(bits) * powerOfTwo(64 - shift - power.leadingZeroBitCount)
    }
    // Half of the dividend is smaller than the divisor, so that the quotient fits 64 bits, at least 62 of them used.
    let divisor = power << power.leadingZeroBitCount
    let (quotient, remainder) = divisor.dividingFullWidth((normalized >> 1, normalized << 63))
    let bits = remainder == 0 ? quotient : quotient | 1
    return Double(bits) * powerOfTwo(power.leadingZeroBitCount - shift - 63)
  }

  private func library(_ bytes: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Double {
    var text = UnsafeBufferPointer(start: bytes + start, count: end - start).map { $0 }
    if mark != UInt8(ascii: "."), let place = text.firstIndex(of: mark) { text[place] = UInt8(ascii: ".") }
    return Double(String(decoding: text, as: UTF8.self)) ?? .infinity
  }

  /// 2^`exponent`, for exponents of normal numbers.
  private static func powerOfTwo(_ exponent: Int) -> Double { Double(bitPattern: UInt64(1023 + exponent) << 52) }

  /// Never freed: there is one table for the whole program.
  nonisolated(unsafe) private static let allPowersOfTen: UnsafePointer<Double> = {
    let powers: [Double] = [
      1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
      1e20, 1e21, 1e22,
    ]
    let table = UnsafeMutablePointer<Double>.allocate(capacity: powers.count)
    table.initialize(from: powers, count: powers.count)
    return UnsafePointer(table)
  }()

  private static let integerPowersOfTen: [UInt64] = (0...19).map { (0..<$0).reduce(1) { power, _ in power * 10 } }
}
