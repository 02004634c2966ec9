import DataFiles
import Foundation
import Tensors
import Testing

@Suite("neural-tangents predict on tables as they are")
struct ImperfectTableTests {
  let scratch: ScratchDirectory

  init() throws {
    scratch = try ScratchDirectory()
    try scratch.write(
      #"{"serial": [{"dense": {"width": 4, "biasStd": 0.3}}, {"relu": {}}, {"dense": {"width": 1}}]}"#, to: "net.json")
  }

  private func predict(_ arguments: String...) throws -> Program.Outcome {
    try Program.run(["predict", "net.json"] + arguments, in: scratch.url)
  }

  private func predictions() throws -> Table { try Table(csvAt: scratch.path("p.csv")) }

  /// y = a − b with a gap in each column, as text.
  private static let gaps =
    "id,a,b,y\n"
    + (0..<40).map { row in
      let (a, b) = (Double((row * 7) % 40) / 10, Double((row * 11) % 40) / 10)
      return ["r\(row)", row == 3 ? "?" : "\(a)", row == 5 ? "" : "\(b)", row % 10 == 9 ? "NA" : "\(a - b + 0.01)"]
        .joined(separator: ",")
    }.joined(separator: "\n") + "\n"

  @Test("missing inputs are filled, rows without a target are predicted, and each is said")
  func missing() throws {
    try scratch.write(Self.gaps, to: "gaps.csv")
    let outcome = try predict("--train", "gaps.csv", "--target", "y", "--output", "p.csv", "--keep", "id,a")
    try #require(outcome.status == 0, "\(outcome.errors)")
    for note in [
      "not learned from, without a target: 4 rows", "column \"a\": 1 missing value taken as the median",
      "column \"b\": 1 missing value taken as the median", "column \"id\" has another text in every",
    ] {
      #expect(outcome.errors.contains(note), "\(note) in \(outcome.errors)")
    }
    #expect(outcome.output.contains("36 rows, 2 inputs"))
    let found = try predictions()
    #expect(found.names == ["id", "a", "y", "y_std", "y_lower95", "y_upper95"])
    #expect(try found.column("id").texts == ["r9", "r19", "r29", "r39"])
    let values = try #require(try found.column("y").numbers)
    for (row, value) in zip([9, 19, 29, 39], values) {
      #expect(abs(value - (Double((row * 7) % 40) - Double((row * 11) % 40)) / 10) < 0.5)
    }
    let dropped = try predict(
      "--train", "gaps.csv", "--target", "y", "--folds", "3", "--missing", "drop", "--ignore", "id")
    #expect(dropped.output.contains("34 rows, 2 inputs"), "\(dropped)")
  }

  @Test("rows to predict are scored where their target is there")
  func partlyLabelled() throws {
    try scratch.write("a,y\n" + (0..<20).map { "\($0),\(Double($0) * 2 + 0.5)\n" }.joined(), to: "train.csv")
    try scratch.write("extra,y,a\nu,3.5,1.5\nv,,2.5\nw,9.5,4.5\n", to: "test.csv")
    let outcome = try predict("--train", "train.csv", "--target", "y", "--test", "test.csv", "--output", "p.csv")
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("test.csv, the 2 rows with a target"))
    #expect(outcome.errors.contains("not used, since train.csv has them not: \"extra\""))
    #expect(try predictions().rowCount == 3)
  }

  @Test(
    "what there is to learn from is learned from",
    arguments: [
      "a,y\n1,2.5\n", "a,y\n1,5\n2,5\n3,5\n", "a,y\n1,k\n2,k\n", "a,y\n1,3\n1,4\n1,7\n", "y\n1.5\n2.5\n3.5\n",
      "a,y\n1,u\n2,v\n3,w\n4,u\n5,v\n", "a,b,y\n1,,1.5\n2,,2.5\n",
    ])
  func degenerate(text: String) throws {
    try scratch.write(text, to: "train.csv")
    try scratch.write("a,b\n1,2\n9,1\n", to: "test.csv")
    let outcome = try predict("--train", "train.csv", "--target", "y", "--test", "test.csv", "--output", "p.csv")
    try #require(outcome.status == 0, "\(outcome.errors)")
    let found = try predictions()
    #expect(found.rowCount == 2)
    for column in found.columns {
      #expect(column.missingCount == 0 && (column.numbers ?? []).allSatisfy(\.isFinite), "\(column.name)")
    }
  }

  @Test("folds hold what classes with few rows are, and groups stay together")
  func folds() throws {
    try scratch.write("x,k\n1,a\n2,a\n3,a\n4,a\n5,a\n6,b\n", to: "rare.csv")
    let rare = try predict("--train", "rare.csv", "--target", "k", "--folds", "3")
    #expect(rare.status == 0 && rare.output.contains("among 2 classes"), "\(rare)")
    try scratch.write(
      "x,who,y\n" + (0..<24).map { "\($0),p\($0 / 4),\(Double($0) + 0.5)\n" }.joined(), to: "people.csv")
    let people = try predict("--train", "people.csv", "--target", "y", "--folds", "3", "--group", "who")
    #expect(people.status == 0 && people.output.contains("24 rows, 1 input,"), "\(people)")
  }

  @Test("texts that no training row has are predicted from the other columns")
  func unseen() throws {
    try scratch.write("a,c,y\n1,u,1.5\n2,v,2.5\n3,u,3.5\n4,v,4.5\n", to: "train.csv")
    try scratch.write("a,c\n2,w\n", to: "test.csv")
    let outcome = try predict("--train", "train.csv", "--target", "y", "--test", "test.csv", "--output", "p.csv")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("column \"c\": 1 row with what no training row has: \"w\""), "\(outcome.errors)")
  }

  @Test("rows that are repeated do not make predictions look more certain", arguments: ["nngp", "ntk"])
  func repeated(_ method: String) throws {
    let rows = (0..<12).map { row in
      let a = Double(row) / 3
      return "\(a),\(a * a - 2 * a + (row % 3 == 0 ? 0.6 : -0.3))\n"
    }
    try scratch.write("a,y\n" + rows.joined(), to: "once.csv")
    try scratch.write("a,y\n" + rows.map { String(repeating: $0, count: 5) }.joined(), to: "often.csv")
    try scratch.write("a\n0.5\n1.5\n2.5\n", to: "test.csv")
    var deviations: [[Double]] = []
    for train in ["once.csv", "often.csv"] {
      let outcome = try predict(
        "--train", train, "--target", "y", "--test", "test.csv", "--output", "p.csv", "--method", method)
      try #require(outcome.status == 0, "\(outcome.errors)")
      deviations.append(try #require(try predictions().column("y_std").numbers))
    }
    for (once, often) in zip(deviations[0], deviations[1]) {
      #expect(often > once / 3 && often < once * 3, "\(deviations)")
    }
    let folds = try predict("--train", "often.csv", "--target", "y", "--folds", "4", "--method", method)
    #expect(folds.status == 0, "\(folds.errors)")
  }
}
