/// The one rule for what counts as a missing value: in numbers, in texts and in classes alike, quoted or not.
///
/// Nothing but spaces is missing, and what programs write where there is no value: `?`, `NA`, `N/A`, `n/a`, `#N/A`, `<NA>`,
/// `NaN`, `nan`, `NAN`, `null`, `NULL` and `None`, in these spellings. A minus sign or a point alone is not: they are classes
/// in known data sets, and in a column of numbers they are an error, which names this rule's extension as a way on.
public struct MissingCells: Sendable, Hashable {
  /// What is missing in every table.
  public static let words: [String] = [
    "", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "null", "NULL", "None",
  ]

  /// What is missing in this table besides, such as `-999` or `-`.
  public let others: Set<String>

  private let all: Set<String>
  private let longest: Int
  /// A bit for the lower six bits of each text's first byte: a glance that tells most cells from all texts.
  private let firstBits: UInt64

  /// The rule with further texts that stand for a missing value, compared without surrounding spaces.
  public init(others: Set<String> = []) {
    self.others = Set(others.map(\.withoutSurroundingSpaces))
    all = self.others.union(Self.words)
    longest = all.reduce(0) { max($0, $1.utf8.count) }
    firstBits = all.compactMap(\.utf8.first).reduce(0) { $0 | 1 << UInt64($1 & 63) }
  }

  /// Whether a cell holds no value; surrounding spaces do not count.
  public func contains(_ cell: String) -> Bool {
    var cell = cell
    return cell.withUTF8 { contains($0) }
  }

  /// Whether a number as it stands in a file could be missing: without this, numbers need no look at the rule.
  var mayContainNumbers: Bool { others.contains { $0.utf8.contains { (0x30...0x39).contains($0) } } }

  func contains(_ cell: UnsafeBufferPointer<UInt8>) -> Bool {
    let trimmed = cell.withoutSurroundingSpaces
    if trimmed.isEmpty { return true }
    return trimmed.count <= longest && firstBits >> UInt64(trimmed[0] & 63) & 1 == 1
      && all.contains(String(decoding: trimmed, as: UTF8.self))
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// Without spaces, tabs and non-breaking spaces at both ends.
  var withoutSurroundingSpaces: UnsafeBufferPointer<UInt8> {
    var (start, end) = (0, count)
    while start < end {
      if self[start] == 0x20 || self[start] == 0x09 {
        start += 1
      } else if start + 1 < end, self[start] == 0xC2, self[start + 1] == 0xA0 {
        start += 2
      } else {
        break
      }
    }
    while start < end {
      if self[end - 1] == 0x20 || self[end - 1] == 0x09 {
        end -= 1
      } else if end - 2 >= start, self[end - 2] == 0xC2, self[end - 1] == 0xA0 {
        end -= 2
      } else {
        break
      }
    }
    return UnsafeBufferPointer(rebasing: self[start..<end])
  }
}
