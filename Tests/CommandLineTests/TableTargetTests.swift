import DataFiles
import Foundation
import Tensors
import Testing

@testable import neural_tangents

@Suite("Targets of tables")
struct TableTargetTests {
  private func encoder(
    _ targets: [String], names: [String] = ["y"], task: TargetEncoder.Task = .automatic
  ) throws -> (TargetEncoder, Table) {
    let text = "\(names.joined(separator: ","))\n" + targets.map { "\($0)\n" }.joined()
    let table = try table(text)
    return (try TargetEncoder(table, names: names, task: task), table)
  }

  @Test("numbers are standardised")
  func regression() throws {
    let (encoder, table) = try encoder(["1.5,10", "2.5,30", "6.5,20"], names: ["y", "z"])
    #expect(encoder.width == 2 && encoder.classes == nil)
    let outputs = try encoder.outputs(of: table)
    #expect(outputs.shape == [3, 2])
    let scalars = outputs.scalars(as: Double.self)
    for column in 0..<2 {
      let values = (0..<3).map { scalars[2 * $0 + column] }
      #expect(abs(values.reduce(0, +)) < 1e-12)
      #expect(abs(values.reduce(0) { $0 + $1 * $1 } / 3 - 1) < 1e-12)
    }
    #expect(try encoder.values(of: table).scalars(as: Double.self) == [1.5, 10, 2.5, 30, 6.5, 20])
  }

  @Test("classes become outputs of mean zero")
  func classification() throws {
    let (encoder, table) = try encoder(["b", "a", "c", "b"])
    #expect(encoder.classes == ["a", "b", "c"])
    #expect(try encoder.classIndices(of: table) == [1, 0, 2, 1])
    let outputs = try encoder.outputs(of: table)
    #expect(outputs.shape == [4, 3])
    let third = 1.0 / 3
    #expect(Array(outputs.scalars(as: Double.self).prefix(3)) == [-third, 1 - third, -third])
  }

  @Test(
    "the kind of task is guessed from the target",
    arguments: [
      (["x", "y"], true), (["0", "1", "1"], true), (["1.0", "2", "1"], true), (["0.5", "1", "1"], false),
      (["1", "2", "3"], false), (["3", "1", "2", "3", "1", "2", "2", "3", "1"], true),
      ((0..<400).map { String($0 % 20) }, true), ((0..<1000).map { String($0 % 21) }, false),
      (["1", "2", "x", "y"], true),
    ] as [([String], Bool)])
  func guess(targets: [String], isClassification: Bool) throws {
    #expect(try (encoder(targets).0.classes != nil) == isClassification)
  }

  @Test("the guess can be overruled both ways")
  func overruled() throws {
    #expect(try encoder(["0", "1", "1"], task: .regression).0.classes == nil)
    #expect(try encoder(["10", "9", "101", "9"], task: .classification).0.classes == ["9", "10", "101"])
    #expect(try encoder(["01", "1.0", "2"], task: .classification).0.classes == ["1", "2"])
    #expect(try encoder(["b", "10", "9", "a"], task: .classification).0.classes == ["9", "10", "a", "b"])
  }

  @Test(
    "what cannot be a target is named",
    arguments: [
      (
        ["1.5", "x", "2.5", "3"], .automatic,
        "line 3, column \"y\": expected a number, as in most rows of the column, found \"x\""
      ),
      (["1", "x"], .regression, "line 3, column \"y\": expected a number to predict, found \"x\""),
      (["a", "nan", "b"], .automatic, "line 3, column \"y\": expected a value, found a missing value"),
    ] as [([String], TargetEncoder.Task, String)])
  func wrong(targets: [String], task: TargetEncoder.Task, problem: String) {
    let found = message { try encoder(targets, task: task) }
    #expect(found.hasPrefix("train.csv: " + problem), "\(found)")
  }

  @Test("several classification targets, repeated targets and no target are refused")
  func wrongNames() throws {
    let table = try table("y,z\n1,2\n2,1\n")
    #expect(
      message { try TargetEncoder(table, names: ["y", "z"], task: .classification) }.contains(
        "expected one target column with the class, found 2"))
    #expect(message { try TargetEncoder(table, names: ["y", "y"]) }.contains("found one twice"))
    #expect(message { try TargetEncoder(table, names: []) }.contains("found none"))
  }

  @Test("a class that no training row has is named when predictions are judged")
  func unknownClass() throws {
    let (encoder, _) = try encoder(["a", "b"])
    let test = try table("x,y\n1,a\n2,q\n", path: "test.csv")
    #expect(encoder.rows(in: test) == [0, 1])
    #expect(try encoder.rows(in: table("x,y\n1,\n2,b\n")) == [1])
    #expect(
      message { try encoder.classIndices(of: test) }
        == "test.csv: line 3, column \"y\": expected a class of the training rows: \"a\", \"b\", found \"q\"")
    #expect(try encoder.rows(in: table("x\n1\n")).isEmpty)
  }
}
