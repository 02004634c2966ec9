import Foundation
import Testing

@testable import DataFiles
@testable import Tensors

@Suite("Cells of tables")
struct CellTextTests {
  private func column(_ cells: [String]) throws -> Table {
    try TableFixtures.table("a|b\n" + cells.map { "\($0)|x\n" }.joined())
  }

  private static let numberColumns: [([String], [Double], String)] = [
    (["1,234.5", "2,000"], [1234.5, 2000], "marks between thousands are left out: \"1,234.5\" is 1234.5"),
    (["1.234,5", "2.000"], [1234.5, 2000], "marks between thousands are left out: \"1.234,5\" is 1234.5"),
    (["1 234", "12 345 678"], [1234, 12_345_678], "marks between thousands are left out: \"1 234\" is 1234"),
    (["1\u{202F}234,5", "-5"], [1234.5, -5], "marks between thousands are left out"),
    (["1'234", "1’000’000.25"], [1234, 1_000_000.25], "marks between thousands are left out"),
    (["$5", "-$1,234.50", "7"], [5, -1234.5, 7], "amounts of money are read as numbers: \"$5\" is 5"),
    (["5,50 €", "1.234,00 €"], [5.5, 1234], "amounts of money are read as numbers: \"5,50 €\" is 5.5"),
    (["USD 5", "USD 6.25"], [5, 6.25], "amounts of money are read as numbers"),
    (["12%", "3.5 %", ""], [12, 3.5, .nan], "percent signs are left out: \"12%\" is 12"),
    (["-0,5%", "12,25%"], [-0.5, 12.25], "percent signs are left out"),
    (["2024-01-31", "1969-12-31"], [19753, -1], "dates are read as days since 1970-01-01: \"2024-01-31\" is 19753"),
    (["2024-01-31T06:00:00Z", "2024-01-31 12:00+02:00"], [19753.25, 19753 + 10.0 / 24], "dates are read"),
    (["31.12.2024", "1.1.1970"], [20088, 0], "dates are read"),
    (["31/01/2024", "01/02/2024"], [19753, 19754], "dates are read"),
    (["01/31/2024", "02/01/2024"], [19753, 19754], "dates are read"),
    (["Jan 5, 1970", "6 January 1970", "7-Jan-1970"], [4, 5, 6], "dates are read"),
    (["2024/02/29", "NA"], [19782, .nan], "dates are read"),
    (["01/02/2024 1:30 PM", "13/02/2024 12:00 am"], [19754.5625, 19766], "dates are read"),
  ]

  @Test(
    "money, percent, grouped digits and dates are numbers, and it is said",
    arguments: numberColumns)
  func numbers(cells: [String], numbers: [Double], note: String) throws {
    let table = try column(cells)
    let found = try #require(table.column("a").numbers)
    #expect(zip(found, numbers).allSatisfy { abs($0 - $1) < 1e-9 || ($0.isNaN && $1.isNaN) }, "\(found)")
    #expect(found.count == numbers.count)
    #expect(table.notes.contains { $0.description.hasPrefix("t.csv: line 2, column \"a\": " + note) }, "\(table.notes)")
  }

  private static let refusedColumns: [([String], String)] = [
    (
      ["1", "x", "2"], "line 3, column \"a\": expected a number, as in most rows of the column, found \"x\"; --missing"
    ),
    (
      ["1", "2", "-"], "line 4, column \"a\": expected a number, as in most rows of the column, found \"-\"; --missing"
    ),
    (["1", "5 kg", "2"], "line 3, column \"a\": expected a number, as in most rows of the column, found \"5 kg\""),
    (["1", "1e999", "2"], "line 3, column \"a\": expected a number, as in most rows of the column, and a finite one"),
    (["inf", "1", "2"], "line 2, column \"a\": expected a number, as in most rows of the column, and a finite one"),
    (["5%", "5"], "line 3, column \"a\": expected percent, as in line 2, found \"5\""),
    (["0.5", "5%"], "line 3, column \"a\": expected a number, as in line 2, found \"5%\""),
    (["$5", "€6"], "line 3, column \"a\": expected $, as in the rows above, found \"€6\""),
    (["01/02/2024", "03/02/2024"], "line 2, column \"a\": expected a date that is read in one way only"),
    (["31/01/2024", "01/31/2024"], "line 3, column \"a\": expected day and month in the order of line 2"),
    (["2024-01-31", "2024-01-32", "2024-02-01"], "line 3, column \"a\": expected a date, as in most rows"),
    (["1,234", "5,678"], "line 2, column \"a\": expected a number that is read in one way only"),
    (["1,5", "2.5"], "line 3, column \"a\": expected the decimal mark of line 2"),
  ]

  @Test(
    "columns that are mostly numbers, or of two kinds, name the cell and a way on",
    arguments: refusedColumns)
  func refused(cells: [String], message: String) {
    let found = FileFixtures.message { try column(cells) } ?? ""
    #expect(found.hasPrefix("t.csv: " + message), "\(found)")
  }

  @Test("what is no number is none: codes, versions, times, hexadecimal numbers, wrong groups")
  func texts() throws {
    for cell in [
      "0x1F", "1.2.3", "12:30", "1,23,4", "12 34", "1e", "e5", "--1", "1-2", "5kg", "$", "%", "2024-13-01", "31.2.2024",
      "1.2.24", "$5€", "1,234,56", "0,123.5",
    ] {
      #expect(NumberText(cell, mark: .point) == nil && NumberText(cell, mark: .comma) == nil, "\(cell)")
      #expect(DateText(cell) == nil, "\(cell)")
    }
  }

  @Test("numbers are rounded exactly, whatever way they take")
  func exactness() throws {
    var key = RandomKey(seed: 17)
    let parser = NumberParser(mark: UInt8(ascii: "."))
    func check(_ text: String) {
      let bytes = Array(text.utf8)
      let found = bytes.withUnsafeBufferPointer { parser.whole($0)?.value }
      #expect(found?.bitPattern == Double(text)?.bitPattern, "\(text)")
    }
    for text in [
      "0", "-0", "0.0", "+1", "1.", ".5", "007", "9007199254740993", "9007199254740993e-5", "18446744073709551615",
      "18446744073709551616", "123456789012345678901234567890", "0.000000000000000000000000012345678901234567",
      "1e22", "1e23", "8.5e22", "1e-22", "1e-23", "4.9e-324", "2.4703282292062327e-324", "1.7976931348623157e308",
      "2.2250738585072011e-308", "0e999", "1e-999", "9.5367431640625e-07", "1.00000000000000011102230246251565",
    ] {
      check(text)
    }
    for _ in 0..<20 {
      let keys = key.split(into: 4)
      key = keys[0]
      let normal = keys[1].normal([100], dtype: .float64).scalars(as: Double.self)
      let scale = keys[2].uniform([100], dtype: .float64).scalars(as: Double.self)
      for (value, part) in zip(normal, scale) {
        check("\(value)")
        check("\(value * pow(10, 40 * part - 20))")
        check(String(format: "%.\(Int(20 * part))f", value))
        check(String(format: "%.\(Int(18 * part))e", value * 1e5))
      }
    }
  }
}
