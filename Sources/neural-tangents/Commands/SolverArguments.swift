import ArgumentParser
import NeuralTangents

/// How `predict` solves systems with the kernel of the training rows.
struct SolverArguments: ParsableArguments {
  @Option(
    help: .init(
      "How the kernel is solved with: automatic, cholesky, cg (conjugate gradients), mixed (those over a float32 "
        + "factor) or out-of-core (a factor in files).", valueName: "name"))
  var solver = Choice.automatic

  @Option(
    parsing: .unconditional,
    help: .init(
      "How far means may be off with cg, as a part of the targets' standard deviation (default: 0.01).",
      valueName: "part"))
  var tolerance = 0.01

  @Option(help: .init("How often cg goes through the kernel at most (default: 1000).", valueName: "count"))
  var maxProducts = 1000

  @Option(
    help: .init("File where cg keeps what it has reached, to go on from there.", valueName: "file"),
    completion: .file())
  var checkpoint: String?

  @Option(
    help: .init(
      "Folder for the panels of out-of-core, to go on with them (default: a temporary one).", valueName: "folder"),
    completion: .directory)
  var panels: String?

  enum Choice: String, ExpressibleByArgument, CaseIterable {
    case automatic, cholesky, cg, mixed
    case outOfCore = "out-of-core"

    var choice: SolverChoice {
      switch self {
      case .automatic: .automatic
      case .cholesky: .factorized
      case .cg: .iterative
      case .mixed: .mixedPrecision
      case .outOfCore: .outOfCore
      }
    }
  }

  func validate() throws {
    guard tolerance > 0, tolerance.isFinite else {
      throw ValidationError("--tolerance: expected a positive number, found \(tolerance)")
    }
    if maxProducts < 1 { throw ValidationError("--max-products: expected at least 1, found \(maxProducts)") }
  }

  var options: SolverOptions {
    SolverOptions(
      tolerance: tolerance, maximumProducts: maxProducts, checkpoint: checkpoint, folder: panels)
  }
}
