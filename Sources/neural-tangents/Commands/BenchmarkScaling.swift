import NeuralTangents
import Tensors

/// The part `scaling` of the benchmark: how the time grows with inputs, image size, depth and threads.
struct BenchmarkScaling {
  /// How much of it to measure.
  struct Settings {
    /// Height and width of the images where they do not vary.
    var side = 16
    var sides = [4, 8, 12, 16, 24, 32]
    /// Convolutions where they do not vary.
    var depth = 21
    var depths = [1, 2, 4, 8, 16, 32, 64]
    /// Largest number of inputs.
    var mostInputs = 4096
  }

  let timer: KernelTimer
  var settings = Settings()

  /// A curve: times over what varies.
  struct Series {
    var name: String
    var x: [Double]
    var y: [Double]

    /// Of the upper half of the points, where what does not grow no longer counts.
    var exponent: Double {
      let count = max(2, (x.count + 1) / 2)
      return growthExponent(Array(x.suffix(count)), Array(y.suffix(count)))
    }
  }

  func run(_ report: inout DemoReport, writesTables: Bool) throws {
    try add(
      overInputs(report.progress), to: &report, name: "scaling-inputs", writesTables,
      title: "Time over the number of inputs",
      x: "inputs N (x1 = x2)", y: "time (s)", symbol: "N")
    try add(
      overSides(report.progress), to: &report, name: "scaling-image-size", writesTables,
      title: "Time of an entry over the size of the image", x: "height and width", y: "time per entry (ms)",
      symbol: "side")
    try add(
      overDepths(report.progress), to: &report, name: "scaling-depth", writesTables,
      title: "Time of an entry over the depth", x: "convolutions", y: "time per entry (ms)", symbol: "depth")
    try add(
      overThreads(report.progress), to: &report, name: "scaling-threads", writesTables,
      title: "Entries per second over threads", x: "threads", y: "entries per second", symbol: "threads")
  }

  private var image: [Int] { [settings.side, settings.side, 3] }

  private func overInputs(_ progress: ProgressReporter) throws -> [Series] {
    func name(_ side: Int, _ last: String) -> String { "CNN-\(settings.depth) + \(last) \(side)x\(side)x3" }
    // Fewer positions where all pairs of them count, so that there is time for as many inputs.
    let small = max(2, settings.side / 2)
    let networks: [(String, any Layer, [Int])] = [
      ("Dense x 3 + ReLU", FullyConnected(depth: 3, biasStd: 0.1), [784]),
      (name(settings.side, "flatten"), flat(settings.depth), image),
      (name(small, "pool"), pooled(settings.depth), [small, small, 3]),
    ]
    return try networks.map { name, network, shape in
      progress.begin("\(name), over the number of inputs")
      let timings = try timer.squares(.init(network: network, shape: shape), most: settings.mostInputs)
      return Series(name: name, x: timings.map { Double($0.rows) }, y: timings.map(\.seconds))
    }
  }

  private func overSides(_ progress: ProgressReporter) throws -> [Series] {
    try bothNetworks(settings.sides, progress, "the size of the image") { side in (settings.depth, side) }
  }

  private func overDepths(_ progress: ProgressReporter) throws -> [Series] {
    try bothNetworks(settings.depths, progress, "the depth") { depth in (depth, settings.side) }
  }

  /// Milliseconds per entry, flattened and pooled, of the depth and the side that belong to each number.
  private func bothNetworks(
    _ numbers: [Int], _ progress: ProgressReporter, _ varied: String, _ size: (Int) -> (depth: Int, side: Int)
  ) throws -> [Series] {
    let short = KernelTimer(seconds: timer.seconds / 3)
    let kinds: [(String, (Int) -> any Layer)] = [("CNN + flatten", flat), ("CNN + pool", pooled)]
    return try kinds.map { name, network in
      progress.begin("\(name), over \(varied)")
      let times = try numbers.map { number in
        let (depth, side) = size(number)
        return 1e3 * (try short.rectangle(.init(network: network(depth), shape: [side, side, 3])).secondsPerEntry)
      }
      return Series(name: name, x: numbers.map(Double.init), y: times)
    }
  }

  private func overThreads(_ progress: ProgressReporter) throws -> [Series] {
    let all = Threads.count
    defer { Threads.count = all }
    let counts = Array(sequence(first: 1) { 2 * $0 }.prefix { $0 < all }) + [all]
    let work = KernelTimer.Work(network: pooled(settings.depth), shape: image)
    let calibration = try timer.rectangle(work)
    let speeds = try counts.map { count in
      progress.begin("\(count) threads")
      Threads.count = count
      // Twice, the better of the two: another program's second would look like a bound of this one.
      let seconds = try (0..<2).map { _ in
        try timer.time(work, rows: calibration.rows, columns: calibration.columns).seconds
      }
      return calibration.entries / (seconds.min() ?? .nan)
    }
    return [
      Series(
        name: "CNN-\(settings.depth) + pool \(settings.side)x\(settings.side)x3", x: counts.map(Double.init), y: speeds)
    ]
  }

  private func flat(_ depth: Int) -> any Layer { ConvVec(depth: depth, biasStd: 0.1) }
  private func pooled(_ depth: Int) -> any Layer { ConvGap(depth: depth, biasStd: 0.1) }

  private func add(
    _ series: [Series], to report: inout DemoReport, name: String, _ writesTables: Bool, title: String, x: String,
    y: String, symbol: String
  ) throws {
    var table = TextTable(["network", x, y])
    for curve in series {
      for (x, y) in zip(curve.x, curve.y) { table.add([curve.name, "\(Int(x))", significant(y)]) }
    }
    report.write(table)
    report.writeEmptyLine()
    for curve in series where curve.x.count > 1 {
      report.write("\(curve.name): grows as \(symbol)^\(format(curve.exponent, 2))")
    }
    if writesTables { try report.writeTable(header: ["network", x, y], rows: table.rows, name: name) }
    report.writeEmptyLine()
    try report.draw(
      Self.figure(series, title: title, x: x, y: y, symbol: symbol, isLogarithmic: name != "scaling-threads"),
      name: name)
  }

  /// With a power law as a straight line, or, where not logarithmic, with what is proportional to the first point.
  private static func figure(
    _ series: [Series], title: String, x: String, y: String, symbol: String, isLogarithmic: Bool
  ) -> Figure {
    var marks = zip(series, Color.allCases).map { curve, color in
      let label = curve.x.count > 1 ? "\(curve.name): \(symbol)^\(format(curve.exponent, 2))" : curve.name
      return Mark(label: label, x: curve.x, geometry: .linePoints(y: curve.y), color: color)
    }
    let places = Set(series.flatMap(\.x)).sorted()
    let ticks = places.map { Axis.Tick(position: $0, label: "\(Int($0))") }
    let (first, last) = (places.first ?? 1, places.last ?? 1)
    guard !isLogarithmic else {
      return Figure(
        title: title, x: Axis(x, range: first / 1.2...last * 1.2, isLogarithmic: true, ticks: ticks),
        y: Axis(y, isLogarithmic: true), content: .marks(marks), legend: .bottomRight)
    }
    for curve in series {
      let ideal = curve.x.map { curve.y[0] * $0 / curve.x[0] }
      marks.insert(
        Mark(label: "proportional", x: curve.x, geometry: .line(y: ideal), color: .gray, isDashed: true), at: 0)
    }
    let highest = series.flatMap { curve in curve.y + curve.x.map { curve.y[0] * $0 / curve.x[0] } }.max() ?? 1
    return Figure(
      title: title, x: Axis(x, range: 0...last + 0.5, ticks: ticks), y: Axis(y, range: 0...1.1 * highest),
      content: .marks(marks))
  }
}
