/// A table for a terminal: columns aligned, numbers to the right.
struct TextTable: CustomStringConvertible {
  let header: [String]
  private(set) var rows: [[String]] = []

  init(_ header: [String]) {
    self.header = header
  }

  /// - Precondition: one cell per column.
  mutating func add(_ cells: [String]) {
    precondition(cells.count == header.count, "expected \(header.count) cells, found \(cells.count)")
    rows.append(cells)
  }

  var description: String {
    let all = [header] + rows
    let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    // A column is text when its first cell is.
    let isNumeric = header.indices.map { column in
      rows.allSatisfy { $0[column].first.map { $0.isNumber || "-+–".contains($0) } ?? true }
    }
    let lines = all.map { row in
      "  "
        + row.indices.map { column in
          let padding = String(repeating: " ", count: widths[column] - row[column].count)
          return isNumeric[column] ? padding + row[column] : row[column] + padding
        }.joined(separator: "  ")
    }
    let rule = "  " + widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")
    return ([lines[0], rule] + lines.dropFirst()).map { line in
      String(line.reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
  }
}
