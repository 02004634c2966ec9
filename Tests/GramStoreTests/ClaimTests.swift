import Platform
import Tensors
import TestSupport
import Testing

@testable import GramStore

@Suite("Claims of tiles")
struct ClaimTests {
  let files = MemoryFiles()
  private let tile = TileIndex(row: 1, column: 2)

  private func worker(lease: Double = 60) throws -> TileClaims {
    let path = "\(files.name)/claims"
    let claims = TileClaims(directory: path, files: files, identity: .next(), shortestLease: lease)
    try claims.enter()
    return claims
  }

  @Test("a tile is one worker's until it is released")
  func release() throws {
    let (a, b) = (try worker(), try worker())
    #expect(try a.take(tile, lease: 60))
    #expect(try !b.take(tile, lease: 60))
    #expect(try b.take(TileIndex(row: 2, column: 1), lease: 60))
    a.release(tile)
    #expect(try b.take(tile, lease: 60))
    a.release(tile)
    #expect(try !a.take(tile, lease: 60))
    #expect(try a.workerCount() == 2)
    b.leave()
    #expect(try a.workerCount() == 1)
  }

  @Test("a claim that nobody touches is taken over when its lease is over, and by one")
  func takeover() throws {
    let (a, b, c) = (try worker(), try worker(), try worker())
    #expect(try a.take(tile, lease: 200))
    files.time += 190
    #expect(try !b.take(tile, lease: 60))
    a.touch(tile)
    files.time += 190
    #expect(try !b.take(tile, lease: 60))
    files.time += 20
    #expect(try b.take(tile, lease: 60))
    #expect(try !c.take(tile, lease: 60))
    // Who lost it does not take it from the other.
    a.release(tile)
    #expect(try !c.take(tile, lease: 60))
  }

  @Test("clocks that are off only cost waiting or double work")
  func clocks() throws {
    let (a, b) = (try worker(), try worker())
    #expect(try a.take(tile, lease: 60))
    // The clock of the machine that holds the files is set back by a day, and forward by a month.
    files.time -= 86_400
    #expect(try b.take(tile, lease: 60))
    files.time += 30 * 86_400
    #expect(try a.take(tile, lease: 60))
    #expect(try !b.take(tile, lease: 60))
  }

  @Test("claims that say nothing or nonsense hold for the shortest lease")
  func nonsense() throws {
    let a = try worker()
    for (index, text) in ["", "{", "null", #"{"host": 3}"#, #"{"lease": -5}"#].enumerated() {
      let tile = TileIndex(row: 7, column: index)
      try files.writeNew(Array(text.utf8), to: a.path(tile))
      #expect(try !a.take(tile, lease: 60))
      files.time += 61
      #expect(try a.take(tile, lease: 60))
    }
  }

  @Test("claims of a process of this machine that is gone are taken over at once")
  func gone() throws {
    var child = pid_t()
    // A process that ends at once, and is waited for, so that its number is nobody's.
    let arguments = [strdup("/bin/true"), nil]
    defer { for argument in arguments { free(argument) } }
    #expect(posix_spawn(&child, "/bin/true", nil, nil, arguments, environ) == 0)
    var status: Int32 = 0
    waitpid(child, &status, 0)
    let dead = TileClaims(
      directory: "\(files.name)/claims", files: files,
      identity: WorkerIdentity(host: WorkerIdentity.thisHost, process: child, number: 0), shortestLease: 60)
    let elsewhere = TileClaims(
      directory: "\(files.name)/claims", files: files,
      identity: WorkerIdentity(host: "elsewhere", process: child, number: 0), shortestLease: 60)
    let a = try worker()
    let other = TileIndex(row: 3, column: 3)
    try dead.enter()
    #expect(try dead.take(tile, lease: 60))
    #expect(try elsewhere.take(other, lease: 60))
    #expect(try a.counts() == (0, 1, 1))
    #expect(try a.take(tile, lease: 60))
    #expect(try !a.take(other, lease: 60))
    // A process that has had this one's number, in a container that was started again.
    let before = TileClaims(
      directory: "\(files.name)/claims", files: files,
      identity: WorkerIdentity(host: WorkerIdentity.thisHost, process: getpid(), number: 0), shortestLease: 60)
    a.release(tile)
    #expect(try before.take(tile, lease: 60))
    #expect(try a.take(tile, lease: 60))
  }

  @Test("what the dead have left is swept, and nothing of the living")
  func sweep() throws {
    let (a, b) = (try worker(), try worker())
    let temporaries = "\(files.name)/temporaries"
    try files.makeDirectory(temporaries)
    try files.writeNew([1], to: "\(temporaries)/ntk.1.2.1.elsewhere.1.0")
    try files.writeNew([1], to: "\(temporaries)/something")
    #expect(try a.take(tile, lease: 60))
    try b.sweep(temporaries: temporaries)
    #expect(try files.names(in: temporaries).count == 2 && !b.take(tile, lease: 60))
    files.time += 601
    try b.sweep(temporaries: temporaries)
    #expect(try files.names(in: temporaries).isEmpty)
    #expect(try files.names(in: b.directory).count == 1)
    // The other, which was paused, comes back.
    #expect(try a.workerCount() == 2)
    #expect(try a.take(tile, lease: 60))
  }

  @Test("numbers of tiles and their places belong to each other")
  func numbers() {
    for (rows, columns, isSymmetric) in [(1, 1, true), (5, 5, true), (16, 16, true), (3, 7, false), (1, 4, false)] {
      let grid = TileGrid(rowCount: 10 * rows - 3, columnCount: 10 * columns - 3, tile: 10, isSymmetric: isSymmetric)
      #expect(grid.rows == rows && grid.columns == columns)
      var seen: Set<TileIndex> = []
      for number in 0..<grid.count {
        let index = grid[number]
        #expect(grid.number(index) == number && grid.contains(index))
        #expect(!isSymmetric || index.row <= index.column)
        #expect((index.row == index.column) == (number >= grid.countOffDiagonal) || !isSymmetric)
        seen.insert(index)
      }
      #expect(seen.count == grid.count)
    }
  }

  @Test("tile sizes leave each worker a hundred tiles")
  func tileSizes() {
    for (count, workers) in [(60_000, 16), (60_000, 256), (60_000, 1024), (1_000_000, 4096)] {
      let size = TileSizeChoice.size(forWorkers: workers, rows: count, columns: count, isSymmetric: true)
      func tiles(_ size: Int) -> Double { Double(count) * Double(count) / Double(size * size) / 2 }
      #expect(size % 64 == 0 && tiles(size) >= 100 * Double(workers) && tiles(size + 64) < 100 * Double(workers))
    }
    func choice(_ count: Int, _ workers: Int?, _ flops: Double) -> TileSizeChoice {
      TileSizeChoice(rows: count, columns: count, isSymmetric: true, workers: workers, flopsPerPair: flops)
    }
    // Myrtle-10: 0.7 ms on two cores.
    #expect(choice(60_000, nil, 1.4e7).size == 256)
    #expect(
      choice(60_000, 256, 1.4e7).size == 256 && choice(60_000, 256, 1.4e7).reason.contains("256 workers 100 tiles"))
    // Tiles of little work are larger, so that writing them is not most of it.
    #expect(choice(60_000, nil, 2000).size == 2048)
    #expect(choice(200, 8, 1.4e7).size == 64 && choice(200, 8, 1.4e7).reason.contains("has less than one tile"))
    #expect(choice(60_000, 1, 2000).size == 4096 && choice(60_000, 1, 2000).reason.contains("the worker has 107"))
    // Nobody loses more than ten minutes.
    #expect(choice(60_000, 1, 1e9).size < 256)
  }
}
