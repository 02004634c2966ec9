/// A day, with a time or without, as ISO 8601 and people write it.
struct DateText: Equatable {
  /// Which of day and month comes first where both are numbers and the year is last.
  enum Order: Sendable, Hashable { case dayFirst, monthFirst }

  /// The order that the cell itself shows; nil where either is possible.
  var order: Order?
  /// Whether it is written with a slash or a dash and the year last, where the order depends on the country.
  var needsOrder = false

  private var year: Int
  /// Day and month in the order of the cell; with a known order, first the day.
  private var first: Int
  private var second: Int
  /// Of a day, less what a time zone is ahead.
  private var fraction = 0.0

  /// nil when `cell` is no date.
  init?(_ cell: String) {
    let bytes = Array(cell.utf8)
    guard bytes.count >= 8, bytes.count <= 40 else { return nil }
    var position = 0
    guard let parts = Self.dateParts(bytes, &position) else { return nil }
    (year, first, second, order, needsOrder) = (parts.year, parts.first, parts.second, parts.order, parts.needsOrder)
    if position < bytes.count {
      guard let fraction = Self.time(String(decoding: bytes[position...], as: UTF8.self)) else { return nil }
      self.fraction = fraction
    }
    guard days(.dayFirst) != nil || (needsOrder && days(.monthFirst) != nil) else { return nil }
    if needsOrder {
      order = days(.dayFirst) == nil ? .monthFirst : days(.monthFirst) == nil ? .dayFirst : nil
      // The same either way.
      if first == second { (needsOrder, order) = (false, .dayFirst) }
    }
  }

  /// Days since 1970-01-01, midnight UTC where no time is given; nil when there is no such day in that order.
  ///
  /// *Source:* Hinnant, "chrono-compatible low-level date algorithms", days_from_civil.
  func days(_ order: Order) -> Double? {
    let (day, month) = order == .dayFirst || !needsOrder ? (first, second) : (second, first)
    guard (1...12).contains(month), day >= 1, day <= Self.lastDay(month, year) else { return nil }
    let shifted = month <= 2 ? year - 1 : year
    let era = shifted / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return Double(era * 146_097 + dayOfEra - 719_468) + fraction
  }

  private static func lastDay(_ month: Int, _ year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  private struct Parts {
    var year: Int
    var first: Int
    var second: Int
    var order: Order?
    var needsOrder: Bool
  }

  private static let months = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
  ]

  private static func month(_ name: String) -> Int? {
    guard name.count >= 3, let index = months.firstIndex(of: String(name.lowercased().prefix(3))) else { return nil }
    let names = [
      "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
      "december",
    ]
    return names[index].hasPrefix(name.lowercased()) || name.lowercased() == "sept" ? index + 1 : nil
  }

  /// Three parts, with the same mark between them; `position` moves behind.
  private static func dateParts(_ bytes: [UInt8], _ position: inout Int) -> Parts? {
    var texts: [String] = []
    var marks: [String] = []
    while texts.count < 3 {
      let start = position
      let isNumber = position < bytes.count && isDigit(bytes[position])
      while position < bytes.count, isNumber ? isDigit(bytes[position]) : isLetter(bytes[position]) { position += 1 }
      guard position > start else { return nil }
      texts.append(String(decoding: bytes[start..<position], as: UTF8.self))
      guard texts.count < 3 else { break }
      let mark = position
      while position < bytes.count, [0x20, 0x2C, 0x2D, 0x2E, 0x2F].contains(bytes[position]) { position += 1 }
      guard position > mark, position - mark <= 2 else { return nil }
      marks.append(String(decoding: bytes[mark..<position], as: UTF8.self))
    }
    let numbers = texts.map { $0.count <= 4 ? Int($0) : nil }
    switch (numbers[0], numbers[1], numbers[2]) {
    case (let year?, let month?, let day?) where texts[0].count == 4:
      guard marks[0] == marks[1], ["-", "/", "."].contains(marks[0]), texts[1].count <= 2, texts[2].count <= 2 else {
        return nil
      }
      return Parts(year: year, first: day, second: month, order: .dayFirst, needsOrder: false)
    case (let first?, let second?, let year?) where texts[2].count == 4:
      guard marks[0] == marks[1], ["-", "/", "."].contains(marks[0]), texts[0].count <= 2, texts[1].count <= 2 else {
        return nil
      }
      // With points it is always the day that comes first.
      let needsOrder = marks[0] != "."
      return Parts(
        year: year, first: first, second: second, order: needsOrder ? nil : .dayFirst, needsOrder: needsOrder)
    case (let day?, nil, let year?) where texts[2].count == 4 && texts[0].count <= 2:
      guard let month = month(texts[1]) else { return nil }
      return Parts(year: year, first: day, second: month, order: .dayFirst, needsOrder: false)
    case (nil, let day?, let year?) where texts[2].count == 4 && texts[1].count <= 2:
      guard let month = month(texts[0]) else { return nil }
      return Parts(year: year, first: day, second: month, order: .dayFirst, needsOrder: false)
    default: return nil
    }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
  private static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- UInt8(ascii: "a") < 26 }

  /// ` 12:30`, `T12:30:15.5`, with `Z`, `+02:00`, or `AM` and `PM`, as a part of a day.
  private static func time(_ text: String) -> Double? {
    guard let first = text.first, first == "T" || first == " " || first == "t" else { return nil }
    var rest = text.dropFirst().drop { $0 == " " }
    guard var hours = number(&rest, 2), rest.popFirst() == ":", let minutes = number(&rest, 2), hours <= 24,
      minutes < 60
    else { return nil }
    var seconds = 0.0
    if rest.first == ":" {
      rest.removeFirst()
      guard let whole = number(&rest, 2), whole <= 60 else { return nil }
      seconds = Double(whole)
      if rest.first == "." || rest.first == "," {
        rest.removeFirst()
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty, let part = Double("0." + digits) else { return nil }
        rest = rest.dropFirst(digits.count)
        seconds += part
      }
    }
    let suffix = rest.drop { $0 == " " }
    var ahead = 0
    switch suffix.lowercased() {
    case "", "z", "utc", "gmt": break
    case "am" where (1...12).contains(hours): hours %= 12
    case "pm" where (1...12).contains(hours): hours = hours % 12 + 12
    default:
      var zone = suffix
      guard let sign = zone.popFirst(), sign == "+" || sign == "-", let zoneHours = number(&zone, 2), zoneHours <= 15
      else { return nil }
      if zone.first == ":" { zone.removeFirst() }
      let zoneMinutes = zone.isEmpty ? 0 : number(&zone, 2)
      guard let zoneMinutes, zone.isEmpty, zoneMinutes < 60 else { return nil }
      ahead = (sign == "-" ? -1 : 1) * (zoneHours * 60 + zoneMinutes)
    }
    return (Double(hours * 60 + minutes - ahead) * 60 + seconds) / 86_400
  }

  private static func number(_ text: inout Substring, _ mostDigits: Int) -> Int? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard (1...mostDigits).contains(digits.count), let number = Int(digits) else { return nil }
    text = text.dropFirst(digits.count)
    return number
  }
}
