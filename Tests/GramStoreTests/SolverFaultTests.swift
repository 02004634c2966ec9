import CovarianceEngine
import DurableFiles
import Inference
import Platform
import Tensors
import TestSupport
import Testing

/// Faults in every call that solvers make of the system's files for panels and checkpoints: the process ends there, the call fails,
/// the machine loses power.
///
/// After each of them a panel is there with the bytes that it has without faults, or not at all, and another run has the solution:
/// with the same bits from panels, certified from a checkpoint.
@Suite("Faults of solvers", .serialized)
struct SolverFaultTests {
  enum Kind: CaseIterable {
    case death, ioError, noSpace, powerLoss, powerLossByChance

    var fault: MemoryFiles.Fault {
      switch self {
      case .death, .powerLoss, .powerLossByChance: .die
      case .ioError: .fail(EIO)
      case .noSpace: .fail(ENOSPC)
      }
    }
    var losesPower: Bool { self == .powerLoss || self == .powerLossByChance }
  }

  private let kernel: Tensor
  private let y: Tensor
  private static let count = 64
  private static let regularizer: DiagonalRegularizer = 1e-3

  init() throws {
    let keys = RandomKey(seed: 5).split(into: 2)
    let x = keys[0].normal([Self.count, 90], dtype: .float64)
    kernel = dotGeneral(x, x, contracting: ([1], [1])) / 90
    y = keys[1].normal([Self.count, 1], dtype: .float64)
  }

  private func process(_ solver: SolverChoice, _ options: SolverOptions, _ files: MemoryFiles) throws -> GaussianProcess
  {
    var options = options
    options.files = files
    return try GaussianProcess(
      kTrainTrain: PackedMatrix(kernel, tileSize: 16, dtype: .float64), yTrain: y, regularizer: Self.regularizer,
      solver: solver, solverOptions: options)
  }

  /// Means at points that are as the training points, and the number of products that they took.
  private func solved(
    _ solver: SolverChoice, _ options: SolverOptions, _ files: MemoryFiles
  ) throws -> (mean: [Double], certificate: SolverCertificate?) {
    let process = try process(solver, options, files)
    return (try process.predict(kTestTrain: kernel).mean.scalars(as: Double.self), process.certificate)
  }

  private var step: Int { TestSwitch.faults.isOn ? 1 : 7 }
  private var kinds: [Kind] {
    Kind.allCases + (TestSwitch.faults.isOn ? [Kind](repeating: .powerLossByChance, count: 3) : [])
  }

  private struct Figures {
    var faults = 0
    var operations: [String: Int] = [:]

    mutating func add(_ operation: String?) {
      faults += 1
      operations[operation ?? "none", default: 0] += 1
    }

    func print(_ name: String) {
      let list = operations.sorted { $0.key < $1.key }.map { "\($0.value) in \($0.key)" }.joined(separator: ", ")
      Swift.print("\(name): \(faults) faults (\(list)); nothing torn, nothing wrong")
    }
  }

  private static func lose(_ files: MemoryFiles, _ kind: Kind, _ numbers: inout TestNumbers?) {
    var chance = kind == .powerLoss ? nil : numbers
    files.losePower(&chance)
    if kind == .powerLossByChance { numbers = chance }
  }

  @Test("in every call for panels", arguments: [10, 32, 64])
  func panels(width: Int) throws {
    var figures = Figures()
    var numbers: TestNumbers? = TestNumbers(seed: UInt64(width))
    let whole = MemoryFiles()
    func options(_ files: MemoryFiles) -> SolverOptions {
      files.mostPerWrite = 500
      return SolverOptions(folder: "\(files.name)/panels", panelWidth: width)
    }
    let reference = try solved(.outOfCore, options(whole), whole).mean
    let (bytes, count) = (whole.snapshot(below: "\(whole.name)/panels"), whole.calls)
    #expect(bytes.count == (Self.count + width - 1) / width + 1)
    for call in stride(from: 0, to: count, by: step) {
      for kind in kinds {
        let context = "panels of \(width), \(kind) in call \(call)"
        let files = MemoryFiles()
        files.plan(kind.fault, at: call)
        do {
          // Who has a result has the right one.
          let mean = try solved(.outOfCore, options(files), files).mean
          #expect(mean == reference, "\(context)")
        } catch {
          #expect(files.hasFailed, "\(context): \(error)")
          guard case PredictionError.storage = error else {
            Issue.record("\(context): expected an error that names a file, found \(error)")
            continue
          }
        }
        guard files.hasFailed else { continue }
        figures.add(files.faultedOperation)
        files.plan(nil, at: 0)
        let isLeft = { files.snapshot(below: "\(files.name)/panels").keys.contains { $0.hasSuffix(".part") } }
        if kind == .ioError || kind == .noSpace { #expect(!isLeft(), "\(context): half a file") }
        if kind.losesPower { Self.lose(files, kind, &numbers) }
        for (name, found) in files.snapshot(below: "\(files.name)/panels") where !name.hasSuffix(".part") {
          #expect(found == bytes[name], "\(context): \(name)")
        }
        #expect(try solved(.outOfCore, options(files), files).mean == reference, "\(context): another run")
        #expect(files.snapshot(below: "\(files.name)/panels") == bytes, "\(context): another run")
      }
    }
    figures.print("panels of \(width)")
    #expect(figures.faults > (TestSwitch.faults.isOn ? 300 : 30))
  }

  @Test("in every call for a checkpoint", arguments: [1, 5])
  func checkpoints(rank: Int) throws {
    var figures = Figures()
    var numbers: TestNumbers? = TestNumbers(seed: 9)
    func options(_ files: MemoryFiles) -> SolverOptions {
      files.mostPerWrite = 300
      return SolverOptions(tolerance: 1e-7, rank: rank, checkpoint: "\(files.name)/x")
    }
    let exact = try process(.factorized, SolverOptions(), MemoryFiles()).predict(kTestTrain: kernel).mean
      .scalars(as: Double.self)
    let whole = MemoryFiles()
    let reference = try solved(.iterative, options(whole), whole)
    let products = try #require(reference.certificate).products
    #expect(products > 20 && whole.snapshot(below: "\(whole.name)").count == 1, "\(products)")
    func expectSolved(_ found: (mean: [Double], certificate: SolverCertificate?), _ context: String) throws {
      let certificate = try #require(found.certificate)
      #expect(certificate.isReached, "\(context)")
      for (a, b) in zip(found.mean, exact) { #expect(abs(a - b) <= certificate.largestError + 1e-12, "\(context)") }
    }
    for call in stride(from: 0, to: whole.calls, by: step) {
      for kind in kinds {
        let context = "checkpoint, \(kind) in call \(call)"
        let files = MemoryFiles()
        files.plan(kind.fault, at: call)
        do {
          try expectSolved(try solved(.iterative, options(files), files), context)
        } catch {
          #expect(files.hasFailed, "\(context): \(error)")
          guard case PredictionError.storage = error else {
            Issue.record("\(context): expected an error that names a file, found \(error)")
            continue
          }
        }
        guard files.hasFailed else { continue }
        figures.add(files.faultedOperation)
        files.plan(nil, at: 0)
        if kind.losesPower { Self.lose(files, kind, &numbers) }
        let hasCheckpoint = !files.isMissing("\(files.name)/x")
        let again = try solved(.iterative, options(files), files)
        try expectSolved(again, "\(context): another run")
        // Without a checkpoint it is the same computation from the beginning.
        if !hasCheckpoint { #expect(again.mean == reference.mean, "\(context): from the beginning") }
      }
    }
    // A checkpoint saves the products that led to it.
    let rest = try solved(.iterative, options(whole), whole)
    #expect(try #require(rest.certificate).products < products)
    figures.print("checkpoints")
    #expect(figures.faults > (TestSwitch.faults.isOn ? 100 : 20))
  }

  @Test("a damaged checkpoint, and one of another system, are not gone on with")
  func damage() throws {
    let files = MemoryFiles()
    let options = SolverOptions(tolerance: 1e-7, rank: 1, checkpoint: "\(files.name)/x")
    let first = try solved(.iterative, options, files)
    for (name, change) in [
      ("a flipped bit", { (bytes: inout [UInt8]) in bytes[100] ^= 8 }),
      ("half of it", { (bytes: inout [UInt8]) in bytes.removeLast(bytes.count / 2) }),
      ("nothing", { (bytes: inout [UInt8]) in bytes = [] }),
      ("another system", { (bytes: inout [UInt8]) in bytes[9] ^= 1 }),
    ] {
      files.corrupt("\(files.name)/x", change)
      let again = try solved(.iterative, options, files)
      #expect(again.mean == first.mean && again.certificate == first.certificate, "\(name)")
    }
  }
}
