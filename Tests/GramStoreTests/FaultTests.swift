import CovarianceEngine
import Networks
import Platform
import Tensors
import TestSupport
import Testing

@testable import GramStore

/// Faults in every call that a store makes of the system's files: the process ends there, the call fails, the machine loses power.
///
/// After each of them no file of a tile is anything but what it must be, tiles that were reported as done are there, and
/// another run completes the store with the bytes that a run without faults gives.
@Suite("Faults", .serialized)
struct FaultTests {
  enum Kind: CaseIterable {
    case death, ioError, noSpace, powerLoss, powerLossByChance

    var fault: MemoryFiles.Fault {
      switch self {
      case .death, .powerLoss, .powerLossByChance: .die
      case .ioError: .fail(EIO)
      case .noSpace: .fail(ENOSPC)
      }
    }

    var isError: Bool { self == .ioError || self == .noSpace }
  }

  /// A store of six tiles, or of nine for two data sets.
  struct Scenario: CustomStringConvertible {
    var layout = GramStore.Layout.full
    var hasSecond = false
    var kernels = KernelSet.all
    /// Where the worker begins.
    var start = 0

    var description: String { "\(layout)\(hasSecond ? ", two data sets" : ""), from tile \(start)" }

    static var all: [Scenario] {
      var scenarios = (0..<3).map { Scenario(start: $0) }
      scenarios += (0..<2).map { Scenario(layout: .upper, start: $0) }
      scenarios += (0..<2).map { Scenario(hasSecond: true, kernels: .ntk, start: 4 * $0) }
      return scenarios
    }

    func create(_ files: MemoryFiles) throws(GramStoreError) {
      files.mostPerWrite = [700, 300, 1500][start % 3]
      let (network, x1) = (StoreCase.slices.network, StoreCase.slices.inputs(40))
      _ = try GramStore.create(
        at: path(files), network: network, x1: x1, x2: hasSecond ? StoreCase.slices.inputs(40, seed: 2) : nil,
        kernels: kernels, options: .init(tileSize: 16, layout: layout), files: files)
    }

    func path(_ files: MemoryFiles) -> String { "\(files.name)/k.zarr" }

    /// The store with tiles that cost nothing.
    func open(_ files: MemoryFiles) throws(GramStoreError) -> GramStore {
      var store = try GramStore.open(at: path(files), files: files)
      let (grid, kernels) = (store.grid, store.kernels)
      store.tileSource = { index in
        kernels.indices.map { kernel in
          let shape = [grid.rowRange(index.row).count, grid.columnRange(index.column).count]
          let first = Float(100 * index.row + 10 * index.column + kernel)
          return Tensor((0..<shape.product).map { first + Float($0) / 1000 }, shape: shape)
        }
      }
      return store
    }
  }

  /// What has been done to stores, for the figures.
  struct Figures {
    var faults = 0
    var operations: [String: Int] = [:]
    var temporariesLeft = 0
    var claimsLeft = 0

    mutating func add(_ files: MemoryFiles, _ path: String, _ operation: String?) {
      faults += 1
      operations[operation ?? "none", default: 0] += 1
      let store = try? GramStore.open(at: path, files: files)
      temporariesLeft += store.flatMap { try? files.names(in: $0.temporaries).count } ?? 0
      claimsLeft += store.flatMap { try? files.names(in: $0.claims).count } ?? 0
    }

    func print(_ name: String) {
      let list = operations.sorted { $0.key < $1.key }.map { "\($0.value) in \($0.key)" }.joined(separator: ", ")
      Swift.print(
        "\(name): \(faults) faults (\(list)); \(temporariesLeft) temporary files and \(claimsLeft) claims left to sweep; "
          + "nothing torn, nothing missing, nothing wrong")
    }
  }

  /// Every call, or of a sample every so many.
  private var step: Int { TestSwitch.faults.isOn ? 1 : 9 }
  /// What is left by chance is another time another.
  private var kinds: [Kind] {
    Kind.allCases + (TestSwitch.faults.isOn ? [Kind](repeating: .powerLossByChance, count: 3) : [])
  }

  /// Nothing in a store is anything but what it must be, and what is done has its mirror image.
  private func check(
    _ files: MemoryFiles, _ scenario: Scenario, against reference: [String: [UInt8]], or other: [String: [UInt8]] = [:],
    _ context: String
  ) throws {
    let found = files.snapshot(below: scenario.path(files))
    for (path, bytes) in found where bytes != reference[path] && bytes != other[path] {
      Issue.record("\(context): \(path) has \(bytes.count) bytes that it must not have")
    }
    let store = try scenario.open(files)
    let done = try store.done()
    guard store.isMirrored else { return }
    for number in 0..<store.grid.count where done[number] {
      for kernel in store.kernels {
        let place = "/\(kernel.rawValue)/c/\(store.grid[number].column)/\(store.grid[number].row)"
        #expect(found[place] != nil, "\(context): no mirror image \(place)")
      }
    }
  }

  @Test("in every call of a run")
  func running() throws {
    var figures = Figures()
    var numbers: TestNumbers? = TestNumbers(seed: 1)
    for scenario in Scenario.all {
      let empty = MemoryFiles()
      try scenario.create(empty)
      let whole = empty.copy()
      whole.plan(nil, at: 0)
      #expect(try scenario.open(whole).run(timeLimit: nil, settings: .alone(start: scenario.start)) == .complete)
      let (reference, count) = (whole.snapshot(below: scenario.path(whole)), whole.calls)
      for call in stride(from: figures.faults % step, to: count, by: step) {
        for kind in kinds {
          let context = "\(scenario), \(kind) in call \(call)"
          let files = empty.copy()
          let (path, seen) = (scenario.path(files), Guarded(0))
          files.plan(kind.fault, at: call)
          do {
            let store = try scenario.open(files)
            let outcome = try store.run(timeLimit: nil, settings: .alone(start: scenario.start)) { progress in
              seen.withLock { $0 = progress.tilesDone }
            }
            // Looking at a file may fail without harm.
            #expect(kind.isError && outcome == .complete || !files.hasFailed || files.isDead, "\(context)")
          } catch {
            #expect(files.hasFailed, "\(context): \(error)")
          }
          // With progress more is looked at than was counted.
          guard files.hasFailed else { continue }
          let operation = files.faultedOperation
          files.plan(nil, at: 0)
          if kind.isError {
            // Who goes on after a failure leaves nothing behind, unless it is removing that failed.
            let left =
              (try files.names(in: scenario.open(files).temporaries))
              + (try files.names(in: scenario.open(files).claims))
            #expect(
              left.isEmpty || ["remove", "read"].contains(operation), "\(context): \(left) after \(operation ?? "")")
          }
          try check(files, scenario, against: reference, context)
          if kind == .powerLoss || kind == .powerLossByChance {
            var chance = kind == .powerLoss ? nil : numbers
            files.losePower(&chance)
            if kind == .powerLossByChance { numbers = chance }
            try check(files, scenario, against: reference, context)
          }
          let done = try scenario.open(files).done().count
          #expect(done >= seen.withLock { $0 }, "\(context): \(done) tiles are left")
          figures.add(files, path, operation)
          // Later, so that leases are over.
          files.time += 700
          let again = try scenario.open(files).run(timeLimit: nil, settings: .alone())
          #expect(again == .complete && files.snapshot(below: path) == reference, "\(context): another run")
          #expect(try files.names(in: scenario.open(files).temporaries).isEmpty, "\(context)")
          #expect(try files.names(in: scenario.open(files).claims).isEmpty, "\(context)")
        }
      }
    }
    figures.print("runs")
    #expect(figures.faults > (TestSwitch.faults.isOn ? 8000 : 300))
  }

  @Test("one after another in one store, until it is complete")
  func series() throws {
    var figures = Figures()
    var numbers = TestNumbers(seed: 4)
    for round in 0..<(TestSwitch.faults.isOn ? 300 : 20) {
      let scenario = Scenario.all[round % Scenario.all.count]
      let files = MemoryFiles()
      try scenario.create(files)
      let whole = files.copy()
      _ = try scenario.open(whole).run(timeLimit: nil, settings: .alone())
      let reference = whole.snapshot(below: scenario.path(whole))
      // Tiles that have survived a loss of power.
      var durable = 0
      while true {
        let kind = Kind.allCases[numbers.below(Kind.allCases.count)]
        files.plan(kind.fault, at: 10 + numbers.below(90))
        var settings = StoreWorker.Settings.alone(start: numbers.below(9))
        // Who waits for the claims of the dead waits by the clock of the files.
        settings.pause = { _ in files.time += 20 }
        let outcome = try? scenario.open(files).run(timeLimit: nil, settings: settings)
        let operation = files.faultedOperation
        let hasFailed = files.hasFailed
        files.plan(nil, at: 0)
        let isPowerLost = hasFailed && !kind.isError && kind != .death
        if isPowerLost {
          var chance = kind == .powerLoss ? nil : Optional(numbers)
          files.losePower(&chance)
          _ = numbers.bits()
        }
        let context = "round \(round), \(scenario), \(kind)"
        try check(files, scenario, against: reference, context)
        let found = try scenario.open(files).done().count
        // What is on the disk stays there, whatever comes after.
        #expect(found >= durable, "\(context)")
        if isPowerLost { durable = found }
        if hasFailed { figures.add(files, scenario.path(files), operation) }
        if !hasFailed && outcome == .complete { break }
        files.time += Double(numbers.below(3)) * 61
      }
      // Also of tiles whose workers have died before they had synchronized their names.
      var nothing: TestNumbers?
      files.losePower(&nothing)
      #expect(files.snapshot(below: scenario.path(files)) == reference)
    }
    figures.print("series")
  }

  @Test("in every call of making a store")
  func creating() throws {
    var figures = Figures()
    var numbers: TestNumbers? = TestNumbers(seed: 2)
    for scenario in [Scenario(), Scenario(hasSecond: true, kernels: .ntk)] {
      let whole = MemoryFiles()
      try scenario.create(whole)
      let (reference, count) = (whole.snapshot(below: scenario.path(whole)), whole.calls)
      for call in stride(from: 0, to: count, by: step) {
        for kind in kinds {
          let context = "\(scenario), \(kind) in call \(call)"
          let files = MemoryFiles()
          files.plan(kind.fault, at: call)
          var isMade = true
          do { try scenario.create(files) } catch { isMade = false }
          guard files.hasFailed else { continue }
          figures.faults += 1
          figures.operations[files.faultedOperation ?? "", default: 0] += 1
          files.plan(nil, at: 0)
          if kind == .powerLoss || kind == .powerLossByChance {
            var chance = kind == .powerLoss ? nil : numbers
            files.losePower(&chance)
            if kind == .powerLossByChance { numbers = chance }
          }
          let path = scenario.path(files)
          if files.isMissing(path) {
            #expect(!isMade, "\(context)")
            try scenario.create(files)
          } else {
            #expect(throws: GramStoreError.exists(path), "\(context)") { try scenario.create(files) }
          }
          #expect(files.snapshot(below: path) == reference, "\(context)")
          #expect(try scenario.open(files).run(timeLimit: nil, settings: .alone()) == .complete)
        }
      }
    }
    figures.print("making stores")
  }

  @Test("in every call of a repair")
  func repairing() throws {
    var figures = Figures()
    var numbers: TestNumbers? = TestNumbers(seed: 3)
    for scenario in [Scenario(), Scenario(layout: .upper), Scenario(hasSecond: true, kernels: .ntk)] {
      let whole = MemoryFiles()
      try scenario.create(whole)
      _ = try scenario.open(whole).run(timeLimit: nil, settings: .alone())
      let path = scenario.path(whole)
      let reference = whole.snapshot(below: path)
      // A flipped bit, half a file, an empty one, and where there are mirror images one of them.
      whole.corrupt("\(path)/ntk/c/0/2") { $0[5] ^= 4 }
      whole.corrupt("\(path)/ntk/c/1/1") { $0.removeLast($0.count / 2) }
      whole.corrupt("\(path)/ntk/c/0/1") { $0 = [] }
      if scenario.layout == .full { whole.corrupt("\(path)/ntk/c/2/1") { $0[700] ^= 1 } }
      let damaged = whole.snapshot(below: path)
      let copy = whole.copy()
      copy.plan(nil, at: 0)
      let result = try scenario.open(copy).verify(repair: true, settings: .alone())
      #expect(result.damages.count == (scenario.layout == .full ? 4 : 3), "\(result.damages)")
      #expect(result.tilesRepaired == result.damages.count)
      #expect(copy.snapshot(below: scenario.path(copy)) == reference)
      for call in stride(from: 0, to: copy.calls, by: step) {
        for kind in kinds {
          let context = "\(scenario), \(kind) in call \(call)"
          let files = whole.copy()
          files.plan(kind.fault, at: call)
          _ = try? scenario.open(files).verify(repair: true, settings: .alone())
          guard files.hasFailed else { continue }
          figures.add(files, scenario.path(files), files.faultedOperation)
          files.plan(nil, at: 0)
          if kind == .powerLoss || kind == .powerLossByChance {
            var chance = kind == .powerLoss ? nil : numbers
            files.losePower(&chance)
            if kind == .powerLossByChance { numbers = chance }
          }
          try check(files, scenario, against: reference, or: damaged, context)
          files.time += 700
          _ = try scenario.open(files).verify(repair: true, settings: .alone())
          #expect(try scenario.open(files).run(timeLimit: nil, settings: .alone()) == .complete)
          #expect(files.snapshot(below: scenario.path(files)) == reference, "\(context)")
        }
      }
    }
    figures.print("repairs")
  }

  @Test("a damaged tile is computed again where it is met, and named where it cannot be")
  func reading() throws {
    let (files, scenario) = (MemoryFiles(), Scenario())
    try scenario.create(files)
    let store = try scenario.open(files)
    _ = try store.run(timeLimit: nil, settings: .alone())
    let path = store.path(.ntk, TileIndex(row: 0, column: 2))
    let good = try store.tile(.ntk, row: 0, column: 2)
    files.corrupt(path) { $0[9] ^= 1 }
    do {
      _ = try store.tile(.ntk, row: 0, column: 2)
      Issue.record("no error")
    } catch {
      #expect(error.description.hasPrefix("ntk tile (0, 2): checksum "))
      #expect(error.description.contains(" expected, ") && error.description.contains(path))
    }
    let said = Guarded<[String]>([])
    let matrix = try store.matrix(.ntk) { text in said.withLock { $0.append(text) } }
    #expect(try matrix.tile(row: 0, column: 2) == good && store.tile(.ntk, row: 0, column: 2) == good)
    #expect(said.withLock { $0.count == 1 && $0[0].hasSuffix("found; computing it again") })
  }

  @Test("a full disk is said with what is safe and what to do")
  func messages() throws {
    let (empty, scenario) = (MemoryFiles(), Scenario())
    try scenario.create(empty)
    for call in 0..<400 {
      let files = empty.copy()
      files.plan(.fail(ENOSPC), at: call)
      do {
        _ = try scenario.open(files).run(timeLimit: nil, settings: .alone())
      } catch GramStoreError.cannotWrite(let what, let reason, let advice) where files.faultedOperation == "write" {
        guard what.contains("tile") else { continue }
        #expect(reason == "no space left on device")
        #expect(advice.hasPrefix(" (needs 0.0 MB, 0.0 MB for what is left of the job). "))
        #expect(advice.hasSuffix(" tiles are safe; free space and run again"))
        return
      } catch {}
    }
    Issue.record("no tile failed")
  }
}
