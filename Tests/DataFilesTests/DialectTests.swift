import Foundation
import Testing

@testable import DataFiles
@testable import Tensors

@Suite("Dialects of tables")
struct DialectTests {
  private static let known: [(String, String)] = [
    // Separators.
    ("a;b,c\n1;2\n", "a: 1; b,c: 2"), ("a\tb,c\n1\t2\n", "a: 1; b,c: 2"), ("a|b\n1|2\n", "a: 1; b: 2"),
    ("a\tb\n\t1\n2\t\n", "a: nan 2; b: 1 nan"), ("sep=;\na;b\n1;2\n", "a: 1; b: 2"),
    ("id,text\n1,a;b\n2,c;d\n", "id: 1 2; text: \"a;b\" \"c;d\""), ("a\n1\n2\n", "a: 1 2"),
    ("a;\"b;c\"\n1;\"x;y\"\n", "a: 1; b;c: \"x;y\""), ("x^2,y\n1,2\n", "x^2: 1; y: 2"),
    // Decimal commas.
    ("x;y\n1;1,5\n2;2,25\n", "x: 1 2; y: 1.5 2.25"), ("x\ty\n1\t1,5\n2\t2,25\n", "x: 1 2; y: 1.5 2.25"),
    ("x|y\n-1,5|,5\n2|1,5e-3\n", "x: -1.5 2; y: 0.5 0.0015"), ("y\n1,5\n2,25\n", "y: 1.5 2.25"),
    ("x,y\n1,\"1,5\"\n2,\"2,25\"\n", "x: 1 2; y: 1.5 2.25"), ("a;b\n0,125;1,234\n", "a: 0.125; b: 1.234"),
    ("a;b\n1,5;1.5\n2,5;2.5\n", "a: 1.5 2.5; b: 1.5 2.5"),
    ("1,5;2,5\n3,5;4,5\n", "column1: 1.5 3.5; column2: 2.5 4.5"),
    // A separator at the end of every line.
    ("a,b,\n1,2,\n3,4,\n", "a: 1 3; b: 2 4"), ("a,b\n1,2,\n3,4,\n", "a: 1 3; b: 2 4"),
    ("a;b;\n1;2;\n", "a: 1; b: 2"), ("1,2,\n3,4,\n", "column1: 1 3; column2: 2 4"),
    // No header.
    ("1,2,3\n4,5,6\n", "column1: 1 4; column2: 2 5; column3: 3 6"), ("1.5\n2.5\n", "column1: 1.5 2.5"),
    ("5.1,x\n4.9,x\n4,y\n", "column1: 5.1 4.9 4; column2: \"x\" \"x\" \"y\""), ("1,2\n", "column1: 1; column2: 2"),
    // A header all the same.
    ("name,2019,2020\nx,1,2\ny,3,4\n", "name: \"x\" \"y\"; 2019: 1 3; 2020: 2 4"),
    ("0,1,2\n5,6,7\n", "0: 5; 1: 6; 2: 7"), ("2019,2020\nx,y\nz,w\n", "2019: \"x\" \"z\"; 2020: \"y\" \"w\""),
    // Row numbers.
    (",a,b\n0,1,2\n1,3,4\n", "a: 1 3; b: 2 4"), ("Unnamed: 0,a\n0,1\n1,3\n", "a: 1 3"),
    ("\"\";a\n7;1,5\n3;3\n", "a: 1.5 3"), (",0,1\n0,5,6\n1,7,8\n", "0: 5 7; 1: 6 8"),
  ]

  @Test(
    "separators, decimal commas, trailing separators, missing headers and row numbers are found out",
    arguments: known)
  func dialects(text: String, summary: String) throws {
    #expect(try TableFixtures.summary(TableFixtures.table(text)) == summary)
  }

  @Test(
    "what is left out or guessed is said",
    arguments: [
      ("x;y\n1;1,5\n", "commas in numbers are decimal marks"), ("a,b,\n1,2,\n", "every line ends with a separator"),
      ("1,2\n3,4\n", "there is no header: the first row is like the rows below it"),
      (",a\n0,1\n1,3\n", "the first column has no name and row numbers"),
      ("0,1,2\n5,6,7\n", "the first row, 0 to 2, is taken for names of columns"),
      ("a,b\n007,1\n008,2\n", "column \"a\": digits after a leading zero, as codes have them"),
      ("a,b\nx,1\n5,2\n", "line 3, column \"a\": the column is read as text, of which 1 of 2 cells are numbers"),
      ("a,b\n5 kg,1\n6 kg,2\n", "line 2, column \"a\": the column is read as text, though cells such as \"5 kg\""),
    ])
  func notes(text: String, message: String) throws {
    let notes = try TableFixtures.table(text).notes
    #expect(notes.count == 1 && notes[0].description.hasPrefix("t.csv: " + message), "\(notes)")
  }

  @Test(
    "what could be read in two ways, or breaks its own rules, is refused with the line and a way on",
    arguments: [
      ("x;y\n1;1,234\n2;2,345\n", "line 2, column \"y\": expected a number that is read in one way only", "--decimal"),
      ("x;y\n1;1,5\n2;2.25\n", "line 3, column \"y\": expected the decimal mark of line 2", "in one way"),
      ("a,b\n1,2,\n3,4,5\n", "line 3: expected nothing after the last separator", "name the column"),
      (
        "a,b,\n1,2,\n3,4\n", "line 3: expected 2 cells and a separator behind them, as in the header, found 2",
        "separator"
      ),
      (",a\nx,1\ny,2\n", "line 1: expected a name for column 1, found none", "name or remove"),
      (",a\n1,1\n1,2\n", "line 1: expected a name for column 1, found none", "name or remove"),
    ])
  func refused(text: String, message: String, cure: String) {
    let found = FileFixtures.message { try TableFixtures.table(text) } ?? ""
    #expect(found.hasPrefix("t.csv: " + message) && found.contains(cure), "\(found)")
  }

  @Test("what is said of a file is not found out")
  func options() throws {
    func summary(_ text: String, _ change: (inout ReadingOptions) -> Void) throws -> String {
      try TableFixtures.summary(TableFixtures.table(text, TableFixtures.options(change)))
    }
    #expect(try summary("x;y\n1;1,234\n") { $0.decimalMark = .comma } == "x: 1; y: 1.234")
    #expect(try summary("x;y\n1;1,234\n") { $0.decimalMark = .point } == "x: 1; y: 1234")
    #expect(try summary("x;y\n1;1.234\n") { $0.decimalMark = .comma } == "x: 1; y: 1234")
    #expect(try summary("1,2\n3,4\n") { $0.hasHeader = true } == "1: 3; 2: 4")
    #expect(try summary("a,b\nc,d\n") { $0.hasHeader = false } == "column1: \"a\" \"c\"; column2: \"b\" \"d\"")
    #expect(try summary("a!b\n1!2\n") { $0.separator = "!" } == "a: 1; b: 2")
    #expect(try summary("zip,b\n01067,1\n10115,2\n") { $0.categorical = ["zip"] } == "zip: \"01067\" \"10115\"; b: 1 2")
    #expect(
      try summary("a,b\n-999,1\n-,2\n3,-999\n") { $0.missing = MissingCells(others: ["-", "-999"]) }
        == "a: nan nan 3; b: 1 2 nan")
    let found = FileFixtures.message { try summary("a,b\n1,2\n") { $0.separator = "\"" } } ?? ""
    #expect(found.contains("separator: expected an ASCII character"), "\(found)")
  }

  @Test("one rule says what is missing, for numbers, texts and quoted cells")
  func missing() throws {
    for word in MissingCells.words where !word.isEmpty {
      let table = try TableFixtures.table("a,b,c\n1,x,2\n\(word),\"\(word)\", \(word) \n2,y,3\n")
      for column in table.columns { #expect(column.missing == [false, true, false], "\(word)") }
    }
    for text in ["-", ".", "Na", "none", "0", "nil"] { #expect(!MissingCells().contains(text)) }
    #expect(MissingCells().contains(" \t\u{A0}"))
  }
}
