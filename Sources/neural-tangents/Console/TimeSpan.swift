import ArgumentParser

/// A length of time as an argument: `90`, `45m`, `3h50m`, `1d`, and `03:50:00` as Slurm has it.
struct TimeSpan: ExpressibleByArgument {
  let seconds: Double

  init?(argument: String) {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
    var total = 0.0
    if parts.count > 1 {
      guard parts.count <= 3 else { return nil }
      for part in parts {
        guard let number = Self.number(part) else { return nil }
        total = 60 * total + number
      }
    } else if let number = Self.number(argument[...]) {
      total = number
    } else {
      let units: [Character: Double] = ["d": 86_400, "h": 3600, "m": 60, "s": 1]
      var (digits, last) = (argument[argument.startIndex..<argument.startIndex], Double.infinity)
      for position in argument.indices {
        if let unit = units[argument[position]] {
          guard unit < last, let number = Self.number(digits) else { return nil }
          total += number * unit
          (last, digits) = (unit, argument[position..<position])
        } else {
          digits = argument[(digits.isEmpty ? position : digits.startIndex)...position]
        }
      }
      guard digits.isEmpty else { return nil }
    }
    guard total > 0, total < 1e9 else { return nil }
    seconds = total
  }

  private static func number(_ text: Substring) -> Double? {
    guard !text.isEmpty, text.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }) else { return nil }
    return Double(text)
  }

  /// `45 s`, `12 min`, `10 h`, `3.2 days`.
  static func text(_ seconds: Double) -> String {
    switch seconds {
    case ..<100: "\(format(seconds, 0)) s"
    case ..<6000: "\(format(seconds / 60, 0)) min"
    case ..<172_800: "\(format(seconds / 3600, seconds < 36_000 ? 1 : 0)) h"
    default: "\(format(seconds / 86_400, 1)) days"
    }
  }
}
