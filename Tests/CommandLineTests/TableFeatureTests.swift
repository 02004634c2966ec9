import DataFiles
import Foundation
import Tensors
import Testing

@testable import neural_tangents

/// The sentence of the error that `body` throws; empty when it throws none.
func message(_ body: () throws -> some Any) -> String {
  do {
    _ = try body()
    return ""
  } catch {
    return "\(error)"
  }
}

func table(_ text: String, path: String = "train.csv") throws -> Table { try Table(csv: text, path: path) }

@Suite("Features of tables")
struct TableFeatureTests {
  static let training = """
    size,colour,price,same
    1,red,10,x
    2,blue,20,x
    3,red,30,x
    6,green,25,x
    """

  @Test("numbers are standardised with the training rows' mean and deviation, texts become one input per category")
  func encoding() throws {
    let encoder = try FeatureEncoder(table(Self.training), targets: ["price"])
    #expect(encoder.featureNames == ["size", "colour=blue", "colour=green", "colour=red"])
    #expect(encoder.width == 4)
    #expect(encoder.notes == ["column \"same\" is the same in all training rows and is not used"])
    // Mean 3, variance (4 + 1 + 0 + 9) / 4 = 3.5.
    let unit = 1 / 3.5.squareRoot()
    let train = try encoder.features(of: table(Self.training))
    #expect(train.shape == [4, 4] && train.dtype == .float64)
    let expected = [-2 * unit, 0, 0, 1, -unit, 1, 0, 0, 0, 0, 0, 1, 3 * unit, 0, 1, 0]
    #expect(zip(train.scalars(as: Double.self), expected).allSatisfy { abs($0 - $1) < 1e-14 })

    let test = try encoder.features(of: table("colour,size\nblue,5\n red ,3.0\n", path: "test.csv"))
    #expect(test.shape == [2, 4])
    #expect(zip(test.scalars(as: Double.self), [2 * unit, 1, 0, 0, 0, 0, 0, 1]).allSatisfy { abs($0 - $1) < 1e-14 })
  }

  @Test("columns that are named as categories are text, whatever is in them")
  func categorical() throws {
    let text = "code,y\n10115,1.5\n80331,2.5\n10115,3.5\n"
    let encoder = try FeatureEncoder(table(text), targets: ["y"], categorical: ["code"])
    #expect(encoder.featureNames == ["code=10115", "code=80331"])
    #expect(try encoder.features(of: table(text)).scalars(as: Double.self) == [1, 0, 0, 1, 1, 0])
    #expect(
      message { try FeatureEncoder(table(text), targets: ["y"], categorical: ["cod"]) }
        == "train.csv: line 1: expected a column \"cod\", found only \"code\", \"y\"")
  }

  @Test("a text that no training row has is zeros and a note, and so are columns that only the test table has")
  func unknownCategory() throws {
    let test = try table("size,colour,weight\n1,red,3\n2,pink,4\n", path: "test.csv")
    let encoder = try FeatureEncoder(table(Self.training), targets: ["price"])
    #expect(try encoder.features(of: test).scalars(as: Double.self).suffix(3) == [0, 0, 0])
    #expect(
      encoder.notes(on: test) == [
        "not used, since train.csv has them not: \"weight\"",
        "column \"colour\": 1 row with what no training row has: \"pink\"",
      ])
  }

  @Test("missing numbers are the training rows' median, missing texts a category of their own, each with a note")
  func missingInputs() throws {
    let text = "size,colour,price\n1,red,1.5\n,blue,2.5\n3,NA,3.5\n8,blue,4.5\n?,red,0.5\n"
    let encoder = try FeatureEncoder(table(text), targets: ["price"])
    #expect(encoder.featureNames == ["size", "colour=blue", "colour=red", "colour is missing"])
    #expect(
      encoder.notes == [
        "column \"size\": 2 missing values taken as the median, 3",
        "column \"colour\": 1 missing value as a category of their own",
      ])
    let filled = try FeatureEncoder(table("size,price\n1,1.5\n3,2.5\n3,3.5\n8,4.5\n3,0.5\n"), targets: ["price"])
    let sizes = try filled.features(of: table("size\n3\n")).scalars(as: Double.self)
    let test = try table("size,colour\nnull,\n", path: "test.csv")
    #expect(try encoder.features(of: test).scalars(as: Double.self) == sizes + [0, 0, 1])
    // Where no training row lacks it, a missing text is like an unknown one.
    let whole = try FeatureEncoder(table(Self.training), targets: ["price"])
    let found = try whole.features(of: test).scalars(as: Double.self)
    #expect(abs(found[0] + 0.5 / 3.5.squareRoot()) < 1e-14 && found.dropFirst() == [0, 0, 0])
  }

  @Test("a column without any value is not used")
  func emptyColumn() throws {
    let encoder = try FeatureEncoder(table("a,b,y\n1,,1.5\n2,,2.5\n"), targets: ["y"])
    #expect(encoder.featureNames == ["a"])
    #expect(encoder.notes == ["column \"b\" has no value in any training row and is not used"])
  }

  @Test("rows without a target are not learned from, and those with missing inputs where they are dropped")
  func trainingRows() throws {
    let all = try table("a,b,y\n1,5,1.5\n2,6,\n,7,3.5\n4,,4.5\n5,9,NA\n")
    let filled = try TrainingRows(DataRows(all), targets: ["y"], ignored: [], missing: .fill)
    #expect(filled.rows.table.lines == [2, 4, 5] && filled.unlabelled?.table.lines == [3, 6])
    #expect(filled.notes == ["not learned from, without a target: 2 rows"])
    let dropped = try TrainingRows(DataRows(all), targets: ["y"], ignored: ["b"], missing: .drop)
    #expect(dropped.rows.table.lines == [2, 5])
    #expect(dropped.notes.last == "not learned from, with missing values: 1 row")
    #expect(
      message { try TrainingRows(DataRows(table("a,y\n1,\n2,\n")), targets: ["y"], ignored: [], missing: .fill) }
        == "train.csv: target \"y\": expected at least one row that has it, found none")
    #expect(
      message { try TrainingRows(DataRows(table("a,y\n,1\n,2\n")), targets: ["y"], ignored: [], missing: .drop) }
        == "train.csv: line 2: expected a row without a missing value (--missing fill takes all rows), found none")
  }

  @Test("ignored columns are no inputs; the target cannot be one")
  func ignored() throws {
    let encoder = try FeatureEncoder(table(Self.training), targets: ["price"], ignored: ["colour", "same"])
    #expect(encoder.featureNames == ["size"] && encoder.notes.isEmpty)
    #expect(
      message { try FeatureEncoder(table(Self.training), targets: ["price"], ignored: ["price"]) }
        == "train.csv: line 1: expected ignored columns that are not predicted, found \"price\"")
    #expect(
      message { try FeatureEncoder(table(Self.training), targets: ["price"], ignored: ["prize"]) }
        == "train.csv: line 1: expected a column \"prize\", found only \"size\", \"colour\", \"price\", \"same\"")
  }

  @Test("one row, equal rows and constant targets leave something to predict")
  func degenerate() throws {
    for text in ["a,y\n1,1.5\n", "a,y\n1,1.5\n1,2.5\n", "y\n1.5\n2.5\n"] {
      let encoder = try FeatureEncoder(table(text), targets: ["y"])
      #expect(encoder.width == 1 && encoder.featureNames.isEmpty)
      #expect(encoder.notes.last == "no column tells rows apart: the same is predicted for all of them")
      #expect(try encoder.features(of: table(text)).scalars(as: Double.self).allSatisfy { $0 == 1 })
    }
    let constant = try FeatureEncoder(table("a,y\n1,2.5\n2,2.5\n"), targets: ["y"])
    #expect(try constant.target.outputs(of: table("y\n2.5\n")).scalars(as: Double.self) == [0])
    #expect(try constant.target.outputs(of: table("a,y\n1,2.5\n2,2.5\n")).scalars(as: Double.self) == [0, 0])
    #expect(try FeatureEncoder(table("a,y\n1,k\n2,k\n"), targets: ["y"]).target.classes == ["k"])
  }

  @Test(
    "what cannot be a feature names line and column",
    arguments: [
      (
        "a,y\n1,1.5\n,2.5\n3,3.5\n",
        "line 3, column \"a\": expected a number, as in most rows of the column, found a missing value"
      ),
      (
        "a,y\n1,1.5\nabc,2.5\n3,3.5\n4,4.5\n",
        "line 3, column \"a\": expected a number, as in most rows of the column, found \"abc\""
      ),
      (
        "a,y\n1,1.5\nNA,2.5\n3,3.5\n",
        "line 3, column \"a\": expected a number, as in most rows of the column, found a missing value; fill"
      ),
      (
        "a,y\n1,1.5\n2,2.5\nnan,3.5\n",
        "line 4, column \"a\": expected a number, as in most rows of the column, found a missing value; fill"
      ),
      (
        "a,y\n1,1.5\n2,2.5\n-Inf,3.5\n",
        "line 4, column \"a\": expected a number, as in most rows of the column, and a finite one, found \"-Inf\""
      ),
      (
        "a,y\n1e999,1.5\n2,2.5\n",
        "line 2, column \"a\": expected a number, as in most rows of the column, and a finite one, found \"1e999\""
      ),
      ("a,y\nx,1.5\n,2.5\nz,3.5\n", "line 3, column \"a\": expected a value, found a missing value"),
      ("a,y\n\"x\n\",1.5\nu,2.5\nnan,3.5\n", "line 5, column \"a\": expected a value, found a missing value"),
      ("a,y\n", "line 2: expected at least one row to learn from, found none"),
      (
        "a,y\n1,1.5\n2,\n", "line 3, column \"y\": expected a number to predict, as in most rows, found a missing value"
      ),
      ("a,z\n1,1.5\n2,2.5\n", "line 1: expected a column \"y\", found only \"a\", \"z\""),
    ])
  func wrong(text: String, problem: String) {
    let found = message { try FeatureEncoder(table(text), targets: ["y"], missing: .error) }
    #expect(found.hasPrefix("train.csv: " + problem), "\(found)")
  }

  @Test(
    "test tables with other columns, other types or no rows are refused",
    arguments: [
      ("size\n1\n", "line 1: expected the columns of the training table, found a table without \"colour\""),
      (
        "Size,color\n1,red\n",
        "line 1: expected the columns of the training table, found a table without \"size\", \"colour\" and with unknown \"Size\", \"color\""
      ),
      ("size,colour\n1,red\nbig,red\n", "line 3, column \"size\": expected a number, found \"big\""),
      ("size,colour\n1,\n", "line 2, column \"colour\": expected a value, found a missing value"),
      ("size,colour\n", "line 2: expected at least one row, found none"),
    ])
  func wrongTest(text: String, problem: String) throws {
    let encoder = try FeatureEncoder(table(Self.training), targets: ["price"], missing: .error)
    let found = message { try encoder.features(of: table(text, path: "test.csv")) }
    #expect(found.hasPrefix("test.csv: " + problem), "\(found)")
  }

  @Test("unused columns and the target may be in the test table or not")
  func optionalColumns() throws {
    let encoder = try FeatureEncoder(table(Self.training), targets: ["price"])
    let without = try encoder.features(of: table("size,colour\n4,red\n"))
    let with = try encoder.features(of: table("same,price,colour,size\nother,abc,red,4\n"))
    #expect(without.scalars(as: Double.self) == with.scalars(as: Double.self))
  }

  @Test("a text that is different in all of many rows is no feature")
  func names() throws {
    let text = "name,a,y\n" + (0..<30).map { "n\($0),\($0),\(Double($0) + 0.5)\n" }.joined()
    let encoder = try FeatureEncoder(table(text), targets: ["y"])
    #expect(encoder.featureNames == ["a"])
    #expect(encoder.notes == ["column \"name\" has another text in every training row and is not used"])
  }

  @Test("hexadecimal codes are texts")
  func hexadecimal() throws {
    let encoder = try FeatureEncoder(table("a,y\n0x1F,1.5\n0x2B,2.5\n0x1F,3.5\n"), targets: ["y"])
    #expect(encoder.featureNames == ["a=0x1F", "a=0x2B"])
  }

  @Test("standardising survives very large, very small and nearly equal numbers")
  func extremes() throws {
    let large = try #require(Standardization([1e308, -1e308]))
    #expect(large.standardized(1e308) == 1 && large.standardized(-1e308) == -1)
    let small = try #require(Standardization([1e-300, 3e-300]))
    #expect(abs(small.standardized(3e-300) - 1) < 1e-12)
    let close = try #require(Standardization([1e15, 1e15 + 1]))
    #expect(abs(close.original(close.standardized(1e15 + 1)) - (1e15 + 1)) < 0.5)
    #expect(Standardization([2, 2, 2]) == nil)
  }

  @Test("an encoder of selected rows reports their lines in the file")
  func selectedRows() throws {
    let all = try table("a,y\n1,1.5\n2,2.5\nNA,3.5\n4,4.5\n")
    #expect(try FeatureEncoder(all.selecting(rows: [3, 0]), targets: ["y"]).width == 1)
    let found = message { try FeatureEncoder(all.selecting(rows: [0, 1, 2]), targets: ["y"], missing: .error) }
    #expect(found.hasPrefix("train.csv: line 4, column \"a\""), "\(found)")
  }

  @Test("several constant columns are one note")
  func constants() throws {
    let encoder = try FeatureEncoder(table("a,b,c,y\n1,x,1,1.5\n1,x,2,2.5\n"), targets: ["y"])
    #expect(encoder.notes == ["columns that are the same in all training rows and are not used: \"a\", \"b\""])
  }
}
