import DataFiles
import Foundation
import Tensors
import Testing

@Suite("neural-tangents predict from stores", .serialized)
struct PredictStoreTests {
  let scratch: ScratchDirectory

  init() throws {
    scratch = try ScratchDirectory()
    try scratch.write(Self.network(0.2), to: "net.json")
    try scratch.write(Self.network(0.3), to: "other.json")
    let keys = RandomKey(seed: 12).split(into: 2)
    var x = keys[0].normal([640, 4], dtype: .float64)
    // As large as the program makes inputs by itself.
    x = x / sqrt(square(x[0..<600]).mean())
    let noise = keys[1].normal([640], dtype: .float64) * 0.1
    let numbers = sin(x[.all, 0]) + x[.all, 1] * x[.all, 2] + noise
    let classes = (numbers .> 0).asType(.int32)
    for (name, rows) in [("train", 0..<600), ("test", 600..<640)] {
      try x[rows].writeNpy(to: scratch.path("\(name).npy"))
      try numbers[rows].writeNpy(to: scratch.path("\(name)-numbers.npy"))
      try classes[rows].writeNpy(to: scratch.path("\(name)-classes.npy"))
    }
  }

  private static func network(_ biasStd: Double) -> String {
    #"{"serial": [{"dense": {"width": 4, "biasStd": \#(biasStd)}}, {"relu": {}}, {"dense": {"width": 1}}]}"#
  }

  @discardableResult
  private func run(_ arguments: [String], status: Int32 = 0) throws -> Program.Outcome {
    let outcome = try Program.run(arguments, in: scratch.url)
    try #require(outcome.status == status, "\(arguments): \(outcome.output) \(outcome.errors)")
    return outcome
  }

  private func makeStore(_ name: String, _ arguments: [String] = ["--x1", "train.npy"]) throws {
    try run(["gram", "create", name, "net.json", "--tile-size", "256"] + arguments)
    try run(["gram", "run", name])
  }

  private func predict(
    _ targets: String, _ arguments: [String], status: Int32 = 0
  ) throws -> (table: TableText, outcome: Program.Outcome) {
    let outcome = try run(
      [
        "predict", "--targets", "train-\(targets).npy", "--test-targets", "test-\(targets).npy", "--output", "p.csv",
        "--tails", "normal", "--target-transform", "none", "--diag-reg", "0.02",
      ] + arguments, status: status)
    return (TableText(try scratch.text(of: "p.csv")), outcome)
  }

  private func expectEqual(_ a: TableText, _ b: TableText, mean: Double, deviation: Double, _ context: String) {
    for (column, tolerance) in [("target", mean), ("target_std", deviation)] {
      #expect(a.numbers(column).count == b.numbers(column).count)
      for (x, y) in zip(a.numbers(column), b.numbers(column)) {
        #expect(abs(x - y) <= tolerance * max(1, abs(x)), "\(context) \(column)")
      }
    }
  }

  @Test("numbers and deviations are those without a store, by every solver", arguments: ["nngp", "ntk"])
  func numbers(method: String) throws {
    try makeStore("train.zarr")
    try makeStore("test.zarr", ["--x1", "test.npy", "--x2", "train.npy"])
    let exact = try predict(
      "numbers",
      [
        "net.json", "--train", "train.npy", "--test", "test.npy", "--method", method, "--inputs", "none",
        "--column-scales", "none",
      ]
    ).table
    for solver in ["cholesky", "cg", "mixed", "out-of-core"] {
      for test in [["--test", "test.npy"], ["--test-store", "test.zarr"]] {
        let found = try predict(
          "numbers",
          ["--store", "train.zarr", "--method", method, "--solver", solver, "--tolerance", "1e-5"] + test)
        let isExact = solver == "cholesky" || solver == "out-of-core"
        expectEqual(
          exact, found.table, mean: isExact ? 1e-9 : 1e-4, deviation: isExact ? 1e-6 : 0.02, "\(solver) \(test)")
        #expect(found.outcome.output.contains("600 rows, 4 inputs") && found.outcome.output.contains("solver: "))
      }
    }
  }

  @Test("classes, finite times and fitted noise are those without a store")
  func choices() throws {
    try makeStore("train.zarr")
    let inMemory = [
      "net.json", "--train", "train.npy", "--test", "test.npy", "--inputs", "none", "--column-scales", "none",
    ]
    let stored = ["--store", "train.zarr", "--test", "test.npy"]
    let (a, b) = (try predict("classes", inMemory), try predict("classes", stored))
    #expect(a.table.rows.map { $0[0] } == b.table.rows.map { $0[0] })
    for (x, y) in zip(a.table.numbers("probability_1"), b.table.numbers("probability_1")) { #expect(abs(x - y) < 1e-6) }
    let time = ["--method", "ntk", "--time", "50"]
    expectEqual(
      try predict("numbers", inMemory + time).table, try predict("numbers", stored + time).table, mean: 1e-8,
      deviation: 1e-6, "finite time")
    func fitted(_ arguments: [String]) throws -> TableText {
      try run(["predict", "--targets", "train-numbers.npy", "--output", "q.csv"] + arguments)
      return TableText(try scratch.text(of: "q.csv"))
    }
    expectEqual(try fitted(inMemory), try fitted(stored), mean: 1e-6, deviation: 1e-5, "fitted")
  }

  @Test("a store of something else, or that is not finished, is refused with what to do")
  func refusals() throws {
    try makeStore("train.zarr")
    try run(["gram", "create", "half.zarr", "net.json", "--x1", "train.npy", "--tile-size", "256"])
    try makeStore("wrong.zarr", ["--x1", "test.npy", "--x2", "test.npy"])
    try makeStore("nngp.zarr", ["--x1", "train.npy", "--kernels", "nngp"])
    func message(_ arguments: [String], _ status: Int32 = 65) throws -> String {
      let targets = arguments.contains("--targets") ? [] : ["--targets", "train-numbers.npy"]
      let outcome = try run(["predict"] + targets + ["--output", "none.csv"] + arguments, status: status)
      #expect(!FileManager.default.fileExists(atPath: scratch.path("none.csv")))
      return outcome.errors
    }
    let test = ["--test", "test.npy"]
    #expect(
      try message(["--store", "half.zarr"] + test).contains("half.zarr: 6 of 6 tiles are missing: gram run half.zarr"))
    #expect(
      try message(["other.json", "--store", "train.zarr"] + test).contains(
        "train.zarr: made for another network: serial[0].dense.biasStd is 0.2 there, 0.3 here"))
    #expect(
      try message(["--store", "train.zarr", "--train", "test.npy"] + test).contains(
        "train.zarr: made for another data: the shape of x1 is [600, 4] there, [40, 4] here"))
    #expect(
      try message(["--store", "train.zarr", "--test-store", "wrong.zarr"]).contains(
        "wrong.zarr: made for another data: the second data set is of shape [40, 4]"))
    #expect(
      try message(["--store", "nngp.zarr", "--method", "ntk"] + test).contains("expected a store with ntk, found nngp"))
    #expect(
      try message(["--store", "train.zarr", "--targets", "test-numbers.npy"] + test).contains(
        "test-numbers.npy: expected a target for each of the 600 rows of train.zarr, found 40"))
    #expect(try message(["--store", "missing.zarr"] + test, 66).contains("missing.zarr"))
    for arguments in [
      ["--store", "train.zarr"], ["--store", "train.zarr", "--folds", "3"] + test,
      ["--store", "train.zarr", "--max-rows", "3"] + test, ["--store", "train.zarr", "--test-store", "t"] + test,
      ["--test-store", "t.zarr"], ["--store", "train.zarr", "--inputs", "rank"] + test,
    ] {
      #expect(try message(arguments, 64).hasPrefix("error: "))
    }
  }

  @Test("processes that mpirun starts are refused where they could not work together")
  func processes() throws {
    let outcome = try Program.run(
      [
        "predict", "--train", "train.npy", "--train-targets", "train-numbers.npy", "--test", "test.npy", "--output",
        "p",
      ],
      in: scratch.url, environment: ["OMPI_COMM_WORLD_SIZE": "2"])
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("without MPI") || outcome.errors.contains("expected --store"))
  }
}
