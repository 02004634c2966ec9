import Foundation
import Testing

@testable import DataFiles
@testable import Tensors

@Suite("CSV tables")
struct CsvTests {
  private func table(_ text: String, separator: Character? = nil) throws -> CsvTable {
    try CsvTable(text: text, path: "t.csv", separator: separator)
  }

  @Test("header, cells and line numbers are read")
  func plain() throws {
    let table = try table("a,b\n1,2\n3,4\n")
    #expect(table.header == ["a", "b"])
    #expect(table.rows == [["1", "2"], ["3", "4"]])
    #expect(table.lines == [2, 3])
    #expect(try table.column("b") == ["2", "4"])
  }

  @Test("quotes, doubled quotes, separators and line ends in cells")
  func quotes() throws {
    let table = try table("a,\"b \"\"x\"\"\"\n\"1,5\",\"two\nlines\"\n3,\"\"\n")
    #expect(table.header == ["a", "b \"x\""])
    #expect(table.rows == [["1,5", "two\nlines"], ["3", ""]])
    #expect(table.lines == [2, 4])
  }

  @Test("line ends of all systems and a byte-order mark", arguments: ["\n", "\r\n", "\r"])
  func lineEnds(end: String) throws {
    for last in ["", end] {
      let table = try table("\u{FEFF}a,b\(end)1,2\(end)\"x\(end)y\",4\(last)")
      #expect(table.header == ["a", "b"])
      #expect(table.rows == [["1", "2"], ["x\(end)y", "4"]])
      #expect(table.lines == [2, 3])
    }
  }

  @Test("an empty last cell counts, with and without a line end after it", arguments: ["", "\n"])
  func emptyLastCell(end: String) throws {
    #expect(try table("a,b\n1,\(end)").rows == [["1", ""]])
  }

  @Test("empty lines are no rows, but an empty cell in a table of one column is one")
  func emptyLines() throws {
    let two = try table("a,b\n\n1,2\n\n3,4\n\n\n")
    #expect(two.rows == [["1", "2"], ["3", "4"]])
    #expect(two.lines == [3, 5])
    let one = try table("a\n1\n\n2\n\n")
    #expect(one.rows == [["1"], [""], ["2"]])
  }

  @Test("semicolons and tabs separate too", arguments: [";", "\t", "|"])
  func separators(separator: String) throws {
    let text = ["a", "b,c"].joined(separator: separator) + "\n" + ["1", "2"].joined(separator: separator)
    let table = try table(text, separator: separator == "|" ? "|" : nil)
    #expect(table.header == ["a", "b,c"])
    #expect(table.rows == [["1", "2"]])
  }

  @Test(
    "what is no table names the line and the problem",
    arguments: [
      ("a,b\n1,2\n3\n", "t.csv: line 3: expected 2 cells, as in the header, found 1"),
      ("a,b\n\"1\n1\",2\n3,4,5\n", "t.csv: line 4: expected 2 cells, as in the header, found 3"),
      ("a,b\n1,2,\n", "t.csv: line 2: expected 2 cells, as in the header, found 3"),
      ("", "t.csv: line 1: expected a header with the names of the columns, found nothing"),
      ("\n1,2\n", "t.csv: line 1: expected a header with the names of the columns, found nothing"),
      ("a,b,a\n", "t.csv: line 1: expected columns with different names, found \"a\" for columns 1 and 3"),
      ("a,,b\n", "t.csv: line 1: expected a name for column 2, found none; name or remove the column"),
      ("a,b\n1,\"2\n3,4\n", "t.csv: line 2: expected a closing quote, found none up to the end of the file"),
    ])
  func wrong(text: String, message: String) {
    #expect(FileFixtures.message { try table(text) } == message)
  }

  @Test("stray quotes name the line", arguments: ["a,b\n1,2\n\"3\"x,4\n", "a,b\n1,2\n3\"x\",4\n"])
  func strayQuotes(text: String) {
    let message = FileFixtures.message { try table(text) } ?? ""
    #expect(message.hasPrefix("t.csv: line 3: expected a quoted cell to end"), "\(message)")
  }

  @Test("a missing column is named with those that there are")
  func missingColumn() throws {
    let table = try table("a,b\n1,2\n")
    #expect(
      FileFixtures.message { try table.column("c") }
        == "t.csv: line 1: expected a column \"c\", found only \"a\", \"b\"")
  }

  @Test("bytes that are not UTF-8 name their line")
  func encoding() throws {
    try FileFixtures.withFile(Data("a,b\n1,2\nM".utf8) + [0xFC] + Data("nchen,3\n".utf8)) { path in
      let message = FileFixtures.message { try CsvTable(at: path) } ?? ""
      #expect(message.contains("line 3: expected UTF-8 text"), "\(message)")
    }
  }

  @Test("written tables read back")
  func roundTrip() throws {
    let header = ["plain", "with, comma"]
    let rows = [["1", " spaces "], ["quote \" here", "two\nlines"], ["", "end\r\n"]]
    try FileFixtures.withFolder { folder in
      try CsvTable.write(header: header, rows: rows, to: "\(folder)/t.csv")
      let table = try CsvTable(at: "\(folder)/t.csv")
      #expect(table.header == header)
      #expect(table.rows == rows)
    }
  }

  @Test("long tables are read whole")
  func long() throws {
    let text = "a,b,c\n" + (0..<20_000).map { "\($0),\"x\($0)\",\(Double($0) / 7)\n" }.joined()
    let table = try table(text)
    #expect(table.rows.count == 20_000)
    #expect(table.rows.last == ["19999", "x19999", "\(19999.0 / 7)"])
    #expect(table.lines.last == 20_001)
  }
}
