import Foundation
import GramStore

/// A simulation of workers that share the tiles of a store, event by event: why tiles are as large as they are.
///
/// Workers of two cores take tiles of the kernel of 60,000 pooled images, 0.7 ms a pair. One in twenty is three times as slow,
/// every tile takes 10 % more or less, every tile costs 50 ms to claim and write. Each worker fails once a day on average: its tile is
/// free again when the lease is over, and the worker is back after two minutes.
struct WorkerSimulation {
  static let count = 60_000
  static let secondsPerPair = 0.7e-3
  /// What `TileSizeChoice` reckons with.
  static let flopsPerPair = 1.4e7
  private static let overhead = 0.05
  private static let secondsBetweenFailures = 86_400.0
  private static let restart = 120.0
  private static let shortestLease = 60.0
  /// Between looking for tiles that others have claimed.
  private static let wait = 5.0

  let workers: Int
  let tile: Int

  /// Useful work over what the workers could have done until the last tile was done.
  func efficiency(seed: UInt64) -> Double {
    var numbers = SimulatedNumbers(state: seed)
    let side = (Self.count + tile - 1) / tile
    let seconds = Double(tile * tile) * Self.secondsPerPair
    // As a store has them: those off the diagonal, then those on it, which are half the work.
    let (off, count) = (side * (side - 1) / 2, side * (side + 1) / 2)
    let useful = Double(off) * seconds + Double(side) * seconds / 2
    let speeds = (0..<workers).map { _ in numbers.unit() < 0.05 ? 1.0 / 3 : 1 }
    var failures = (0..<workers).map { _ in numbers.exponential() * Self.secondsBetweenFailures }
    var free = EventQueue()
    for worker in 0..<workers { free.push(time: 0, worker) }
    var returned = EventQueue()
    var (next, done, end) = (0, 0, 0.0)
    var slowest = [Double](repeating: 0, count: workers)
    while done < count, let (now, worker) = free.pop() {
      var taken: Int?
      if next < count {
        taken = next
        next += 1
      } else if let first = returned.first, first.time <= now {
        taken = returned.pop()?.value
      }
      guard let number = taken else {
        free.push(time: now + Self.wait, worker)
        continue
      }
      let work = (number < off ? 1 : 0.5) * seconds / speeds[worker] * (0.9 + 0.2 * numbers.unit()) + Self.overhead
      if failures[worker] < now + work {
        let failure = max(now, failures[worker])
        returned.push(time: failure + max(Self.shortestLease, 4 * slowest[worker]), number)
        free.push(time: failure + Self.restart, worker)
        failures[worker] = failure + Self.restart + numbers.exponential() * Self.secondsBetweenFailures
      } else {
        (done, end) = (done + 1, max(end, now + work))
        slowest[worker] = max(slowest[worker], work)
        free.push(time: now + work, worker)
      }
    }
    return useful / (speeds.reduce(0, +) * end)
  }

  /// The mean over some seeds.
  var efficiency: Double {
    let seeds: ClosedRange<UInt64> = 1...(workers > 256 ? 2 : 4)
    return seeds.map { efficiency(seed: $0) }.reduce(0, +) / Double(seeds.count)
  }

  /// Prints the efficiency by workers and tiles, and what the choice of `gram create --workers` gives.
  ///
  /// - Returns: whether every choice keeps its workers busy for at least 95 % of their time.
  static func printTable() -> Bool {
    let sizes = [128, 192, 256, 384, 512, 1024]
    func column(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    func digits(_ value: Double) -> String { String(format: "%.3f", value) }
    print("Efficiency of workers that share \(count) by \(count) entries, \(secondsPerPair * 1000) ms each")
    print(
      column("workers", 9) + sizes.map { column("b=\($0)", 8) }.joined() + "   chosen: tiles per worker, efficiency")
    var isKept = true
    var workers = 1
    while workers <= 1024 {
      let choice = TileSizeChoice(
        rows: count, columns: count, isSymmetric: true, workers: workers, flopsPerPair: flopsPerPair)
      let cells = sizes.map { column(digits(WorkerSimulation(workers: workers, tile: $0).efficiency), 8) }
      let chosen = WorkerSimulation(workers: workers, tile: choice.size).efficiency
      let tiles = Double(count) * Double(count) / 2 / Double(choice.size * choice.size) / Double(workers)
      print(column("\(workers)", 9) + cells.joined() + "   b=\(choice.size): \(Int(tiles)), \(digits(chosen))")
      isKept = isKept && chosen >= 0.95
      workers *= 4
    }
    print(
      isKept
        ? "every choice keeps its workers busy" : "FAILED: a choice leaves workers idle for more than 5 % of the time")
    return isKept
  }
}

/// SplitMix64.
private struct SimulatedNumbers {
  var state: UInt64

  /// In [0, 1).
  mutating func unit() -> Double {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Double((z ^ (z >> 31)) >> 11) * 0x1p-53
  }

  /// Of mean 1.
  mutating func exponential() -> Double { -log(1 - unit()) }
}

/// Values by time, the earliest first.
private struct EventQueue {
  private var heap: [(time: Double, value: Int)] = []

  var first: (time: Double, value: Int)? { heap.first }

  mutating func push(time: Double, _ value: Int) {
    heap.append((time, value))
    var child = heap.count - 1
    while child > 0, heap[child].time < heap[(child - 1) / 2].time {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func pop() -> (time: Double, value: Int)? {
    guard let result = heap.first else { return nil }
    let last = heap.removeLast()
    if heap.isEmpty { return result }
    heap[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].time < heap[least].time {
        least = child
      }
      if least == parent { return result }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
