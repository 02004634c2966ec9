import Foundation
import Testing

@testable import DataFiles
@testable import Tensors

/// Tables as tests write them down, and what is said about them.
enum TableFixtures {
  static func table(_ text: String, _ options: ReadingOptions = .init()) throws -> Table {
    try Table(csv: text, path: "t.csv", options: options)
  }

  static func options(_ change: (inout ReadingOptions) -> Void) -> ReadingOptions {
    var options = ReadingOptions()
    change(&options)
    return options
  }

  /// Every column in a line, as in `a: 1 2 nan; b: "x" ""`.
  static func summary(_ table: Table) -> String {
    table.columns.map { column in
      let cells =
        switch column.values {
        case .numbers(let numbers): numbers.map { Int(exactly: $0).map(String.init) ?? "\($0)" }
        case .texts(let texts): texts.map { "\"\($0)\"" }
        }
      return "\(column.name): \(cells.joined(separator: " "))"
    }.joined(separator: "; ")
  }
}

@Suite("Tables")
struct TableTests {
  private func table(_ text: String) throws -> Table { try TableFixtures.table(text) }

  @Test("header, cells and line numbers are read")
  func plain() throws {
    let table = try table("a,b\n1,2\n3,4.5\n")
    #expect(table.names == ["a", "b"] && table.rowCount == 2)
    #expect(table.lines == [2, 3])
    #expect(try table.column("b").numbers == [2, 4.5])
    #expect(table.notes.isEmpty)
    #expect(try table.tensor().scalars(as: Double.self) == [1, 2, 3, 4.5])
  }

  @Test("quotes, doubled quotes, separators and line ends in cells")
  func quotes() throws {
    let table = try table("a,\"b \"\"x\"\"\"\n\"y,5\",\"two\nlines\"\n3a,\"\"\n")
    #expect(table.names == ["a", "b \"x\""])
    #expect(try table.column("a").texts == ["y,5", "3a"])
    #expect(try table.column("b \"x\"").texts == ["two\nlines", ""])
    #expect(table.lines == [2, 4])
  }

  @Test("quoted numbers are numbers, and spaces around cells and quotes do not count")
  func spaces() throws {
    #expect(
      try TableFixtures.summary(table("a, \"b, c\" ,d\n \"1\" , 2 ,x y \n3,\"4\",\tz\n"))
        == "a: 1 3; b, c: 2 4; d: \"x y\" \"z\"")
  }

  @Test("line ends of all systems and a byte-order mark", arguments: ["\n", "\r\n", "\r"])
  func lineEnds(end: String) throws {
    for last in ["", end] {
      let table = try table("\u{FEFF}a,b\(end)1,2\(end)\"x\(end)y\",4\(end)z,5\(last)")
      #expect(try table.column("a").texts == ["1", "x\(end)y", "z"])
      #expect(table.lines == [2, 3, 5])
    }
  }

  @Test("an empty last cell counts, with and without a line end after it", arguments: ["", "\n"])
  func emptyLastCell(end: String) throws {
    #expect(try table("a,b\n1,2\n3,\(end)").column("b").missing == [false, true])
  }

  @Test("empty lines are no rows, but an empty cell in a table of one column is one")
  func emptyLines() throws {
    let two = try table("\n \na,b\n\n1,2\n\n3,4\n  \n\n")
    #expect(TableFixtures.summary(two) == "a: 1 3; b: 2 4")
    #expect(two.lines == [5, 7])
    let one = try table("a\n1\n\n2\n\n")
    #expect(TableFixtures.summary(one) == "a: 1 nan 2" && one.lines == [2, 3, 4])
    let texts = try table("a\nx\n\ny\n\n")
    #expect(TableFixtures.summary(texts) == "a: \"x\" \"\" \"y\"")
  }

  @Test(
    "what is no table names the line and the problem",
    arguments: [
      ("a,b\n1,2\n3\n", "line 3: expected 2 cells, as in the header, found 1"),
      ("a,b\n\"1\n1\",2\n3,4,5\n", "line 4: expected 2 cells, as in the header, found 3"),
      ("a,b\n1,2\n3,4,\n", "line 3: expected 2 cells, as in the header, found 3"),
      ("", "line 1: expected a header with the names of the columns, found nothing"),
      ("\n\n", "line 3: expected a header with the names of the columns, found nothing"),
      (
        "a,b,a\n",
        "line 1: expected columns with different names, found \"a\" for columns 1 and 3; rename or remove one"
      ),
      ("a,,b\n", "line 1: expected a name for column 2, found none; name or remove the column"),
      (
        "a,b\n1,\"2\n3,4\n",
        "line 2: expected a closing quote, found none up to the end of the file for the one opened here"
      ),
      (
        "a,\"b\n1,2\n", "line 1: expected a closing quote, found none up to the end of the file for the one opened here"
      ),
      ("a,b\n1,2\n\"x\ny\"z,4\n", "line 3: expected a quoted cell to end before the next separator, found text after"),
      ("a,b\n1,2\n3\"x\",4\n", "line 3: expected a quoted cell to end before the next separator, found a quote inside"),
      (
        "a,b\n1,2\n# none\n",
        "line 3: expected 2 cells, as in the header, found 1; CSV has no comments: remove the line"
      ),
      ("# made today\na,b\n1,2\n", "line 1: expected a header with the names of the columns, found a comment"),
      (
        "a b c\n1 2 3\n4 5 6\n",
        "line 1: expected cells with commas, semicolons, tabs or bars between them, found 3 with"
      ),
    ])
  func wrong(text: String, message: String) {
    let found = FileFixtures.message { try table(text) } ?? ""
    #expect(found.hasPrefix("t.csv: " + message), "\(found)")
  }

  @Test("a missing column is named with those that there are")
  func missingColumn() throws {
    let table = try table("a,b\n1,2\n")
    #expect(
      FileFixtures.message { try table.column("c") }
        == "t.csv: line 1: expected a column \"c\", found only \"a\", \"b\"")
  }

  @Test("selected rows keep their lines, and what is missing is known")
  func selecting() throws {
    let table = try table("a,b\n1,x\nNA,\n3,z\n").selecting(rows: [2, 1])
    #expect(TableFixtures.summary(table) == "a: 3 nan; b: \"z\" \"\"")
    #expect(table.place(row: 0, column: "b") == "line 4, column \"b\"")
    for column in table.columns { #expect(column.missing == [false, true] && column.missingCount == 1) }
    #expect(
      FileFixtures.message { try table.tensor() } == "t.csv: line 4, column \"b\": expected a number, found \"z\"")
  }

  @Test("written tables read back")
  func roundTrip() throws {
    let header = ["plain", "with, comma"]
    let rows = [["one", " spaces "], ["quote \" here", "two\nlines"], ["", "end\r\n"]]
    try FileFixtures.withFolder { folder in
      try Table.writeCsv(header: header, rows: rows, to: "\(folder)/t.csv")
      let table = try Table(csvAt: "\(folder)/t.csv")
      #expect(table.names == header)
      #expect(try table.column("plain").texts == ["one", "quote \" here", ""])
      #expect(try table.column("with, comma").texts == ["spaces", "two\nlines", "end\r\n"])
      try Table.writeCsv(header: ["a"], rows: [["1"], [""]], to: "\(folder)/one.csv")
      #expect(try Table(csvAt: "\(folder)/one.csv").rowCount == 2)
    }
  }

  @Test("long tables are read whole")
  func long() throws {
    let text = "a,b,c\n" + (0..<20_000).map { "\($0),\"x\($0)\",\(Double($0) / 7)\n" }.joined()
    let table = try table(text)
    #expect(table.rowCount == 20_000)
    #expect(table.columns.map { $0.text(19_999) } == ["19999", "x19999", "2857"])
    #expect(table.lines.last == 20_001)
  }

  @Test("a table that is read like another keeps the kinds of its columns")
  func matching() throws {
    let train = try table("size,code,day,share\n1,a1,13/02/2024,0.5\n2,b2,01/03/2024,1.5\n3,77,02/03/2024,2.5\n")
    let options = ReadingOptions().matching(train)
    let test = try TableFixtures.table("size,code,day,share\n4,77,05/06/2024,1.234\n", options)
    #expect(TableFixtures.summary(test) == "size: 4; code: \"77\"; day: 19879; share: 1.234")
    // Names that look like numbers are names where the other table has them.
    let years = try TableFixtures.table("2019,2020\nx,1\ny,2\n")
    #expect(try TableFixtures.table("2019,2020\n3,4\n", ReadingOptions().matching(years)).rowCount == 1)
    for (text, message) in [
      ("size,code,day\nbig,x,05/06/2024\n", "line 2, column \"size\": expected a number, found \"big\""),
      ("size,code,day\n1,x,soon\n", "line 2, column \"day\": expected a date, found \"soon\""),
      ("size,code,day\n1,x,5\n", "line 2, column \"day\": expected a date, found \"5\""),
    ] {
      let found = FileFixtures.message { try TableFixtures.table(text, options) } ?? ""
      #expect(found.hasPrefix("t.csv: " + message), "\(found)")
    }
  }
}
