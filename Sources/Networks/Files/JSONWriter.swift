/// Writes a value as JSON: keys sorted, a line for each member and entry, lists of numbers and words on one line.
enum JSONWriter {
  static func text(of value: NodeValue) -> String {
    var text = ""
    write(value, indentation: "", to: &text)
    return text
  }

  private static func write(_ value: NodeValue, indentation: String, to text: inout String) {
    let inner = indentation + "  "
    switch value {
    case .null: text += "null"
    case .boolean(let value): text += value ? "true" : "false"
    case .integer(let value): text += "\(value)"
    case .number(let value): text += number(value)
    case .string(let value): write(value, to: &text)
    case .array(let values) where values.allSatisfy(\.isScalar):
      text += "["
      for (index, value) in values.enumerated() {
        if index > 0 { text += ", " }
        write(value, indentation: "", to: &text)
      }
      text += "]"
    case .array(let values):
      text += "["
      for (index, value) in values.enumerated() {
        text += index > 0 ? ",\n" + inner : "\n" + inner
        write(value, indentation: inner, to: &text)
      }
      text += "\n" + indentation + "]"
    case .object(let members) where members.isEmpty: text += "{}"
    case .object(let members):
      text += "{"
      for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
        text += index > 0 ? ",\n" + inner : "\n" + inner
        write(member.key, to: &text)
        text += ": "
        write(member.value, indentation: inner, to: &text)
      }
      text += "\n" + indentation + "}"
    }
  }

  /// The shortest digits that are read as the same number; whole ones without a fraction, and null for those that JSON has
  /// not, which no layer holds.
  private static func number(_ value: Double) -> String {
    guard value.isFinite else { return "null" }
    let digits = "\(value)"
    return digits.hasSuffix(".0") ? String(digits.dropLast(2)) : digits
  }

  private static func write(_ string: String, to text: inout String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\u{0}"..<"\u{20}":
        let hexadecimal = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - hexadecimal.count) + hexadecimal
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
