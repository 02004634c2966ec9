/// What stands between whole numbers and decimals.
public enum DecimalMark: String, Sendable, Hashable, CaseIterable {
  /// `1.5`, with `1,000` as a thousand.
  case point = "."
  /// `1,5`, with `1.000` as a thousand.
  case comma = ","

  var byte: UInt8 { self == .point ? UInt8(ascii: ".") : UInt8(ascii: ",") }
  var other: DecimalMark { self == .point ? .comma : .point }
}

/// A number as people write it: with groups of thousands, a currency or a percent sign.
struct NumberText: Equatable {
  var value: Double
  /// Thousands are set apart by the other mark, a space or an apostrophe.
  var isGrouped = false
  /// A sign such as `$`, or a code such as `EUR`.
  var currency: String?
  /// The value is that before the sign: 12 for `12 %`.
  var isPercent = false

  /// nil when `cell` is no number where `mark` is the decimal mark, or one that is too large.
  init?(_ cell: String, mark: DecimalMark) {
    guard Self.mayBeNumber(cell) else { return nil }
    var bytes = Self.plain(cell)[...]
    self.value = 0
    bytes.trimSpaces()
    var isNegative = false
    let hasSign = Self.takeSign(&bytes, &isNegative)
    currency = Self.takeCurrency(&bytes, atStart: true)
    if currency != nil, !hasSign { _ = Self.takeSign(&bytes, &isNegative) }
    if bytes.last == UInt8(ascii: "%") {
      isPercent = true
      bytes.removeLast()
      bytes.trimSpaces()
    } else if let code = Self.takeCurrency(&bytes, atStart: false) {
      guard currency == nil else { return nil }
      currency = code
    }
    guard let first = bytes.first, first == mark.byte || Self.isDigit(first) else { return nil }
    guard let digits = Self.ungrouped(bytes, mark: mark, isGrouped: &isGrouped) else { return nil }
    let parser = NumberParser(mark: mark.byte)
    guard let number = digits.withUnsafeBufferPointer({ parser.whole($0) }), number.value.isFinite else { return nil }
    value = isNegative ? -number.value : number.value
  }

  /// What a cell says about the decimal mark; nil for one that is no number either way.
  enum Evidence { case point, comma, either, none }

  static func evidence(of cell: String) -> Evidence? {
    guard mayBeNumber(cell) else { return nil }
    return switch (NumberText(cell, mark: .point)?.value, NumberText(cell, mark: .comma)?.value) {
    case (nil, nil): nil
    case (_?, nil): .point
    case (nil, _?): .comma
    case (let point?, let comma?): point == comma ? Evidence.none : .either
    }
  }

  /// False for most texts, at a glance: no number is without a digit, and none begins with a small letter.
  private static func mayBeNumber(_ cell: String) -> Bool {
    guard let first = cell.utf8.first, !(UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first) else { return false }
    return cell.utf8.contains(where: isDigit)
  }

  /// ASCII for what typographers write: spaces that do not break, thin ones, apostrophes and the minus sign.
  private static func plain(_ cell: String) -> [UInt8] {
    if cell.utf8.allSatisfy({ $0 < 0x80 }) { return Array(cell.utf8) }
    var bytes: [UInt8] = []
    for scalar in cell.unicodeScalars {
      switch scalar {
      case "\u{A0}", "\u{2009}", "\u{202F}", "\u{2007}": bytes.append(UInt8(ascii: " "))
      case "\u{2019}": bytes.append(UInt8(ascii: "'"))
      case "\u{2212}": bytes.append(UInt8(ascii: "-"))
      default: bytes.append(contentsOf: String(scalar).utf8)
      }
    }
    return bytes
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

  private static func takeSign(_ bytes: inout ArraySlice<UInt8>, _ isNegative: inout Bool) -> Bool {
    guard bytes.first == UInt8(ascii: "-") || bytes.first == UInt8(ascii: "+") else { return false }
    isNegative = bytes.removeFirst() == UInt8(ascii: "-")
    return true
  }

  private static let currencies: [[UInt8]] = [
    "$", "€", "£", "¥", "₹", "₽", "USD", "EUR", "GBP", "CHF", "JPY", "CNY", "INR", "AUD", "CAD", "SEK", "NOK", "DKK",
    "PLN", "CZK",
  ].map { Array($0.utf8) }

  private static func takeCurrency(_ bytes: inout ArraySlice<UInt8>, atStart: Bool) -> String? {
    for currency in currencies {
      if atStart, bytes.starts(with: currency) {
        bytes.removeFirst(currency.count)
      } else if !atStart, bytes.suffix(currency.count).elementsEqual(currency) {
        bytes.removeLast(currency.count)
      } else {
        continue
      }
      bytes.trimSpaces()
      return String(decoding: currency, as: UTF8.self)
    }
    return nil
  }

  /// The digits without marks of thousands: groups of exactly three after a first of one to three that does not begin
  /// with zero, all set apart in one way. nil when there are marks that are not such.
  private static func ungrouped(
    _ bytes: ArraySlice<UInt8>, mark: DecimalMark, isGrouped: inout Bool
  ) -> [UInt8]? {
    let separators: [UInt8] = [mark.other.byte, UInt8(ascii: " "), UInt8(ascii: "'")]
    guard let separator = bytes.first(where: separators.contains) else { return Array(bytes) }
    let end = bytes.firstIndex(of: mark.byte) ?? bytes.endIndex
    let groups = bytes[..<end].split(separator: separator, omittingEmptySubsequences: false)
    guard groups.count > 1, (1...3).contains(groups[0].count), groups[0].first != UInt8(ascii: "0"),
      groups.dropFirst().allSatisfy({ $0.count == 3 }), groups.allSatisfy({ $0.allSatisfy(isDigit) }),
      bytes[end...].dropFirst().allSatisfy(isDigit)
    else { return nil }
    isGrouped = true
    return groups.flatMap { $0 } + bytes[end...]
  }
}

extension ArraySlice<UInt8> {
  fileprivate mutating func trimSpaces() {
    while first == 0x20 || first == 0x09 { removeFirst() }
    while last == 0x20 || last == 0x09 { removeLast() }
  }
}
