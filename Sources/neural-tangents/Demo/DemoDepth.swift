import Foundation
import NeuralTangents
import Tensors

/// What depth does to a tangent kernel in the ordered phase, in the chaotic one, and on the line between them: whether networks
/// can be trained, and whether they learn anything by it.
struct DemoDepth {
  struct Settings {
    /// Of the maps of accuracy, at equal distances.
    var weights = (0..<24).map { 0.2 + 2.4 * (Double($0) + 0.5) / 24 }
    /// At least as many as the spectrum has images.
    var trainCount = 100
    var testCount = 300
  }

  private static let biasVariance = 0.05
  private static let spectrumCount = 48
  private static let depths = [1, 2, 4, 8, 16, 32, 64, 128]
  private static let times = [10, 1000, 100_000]

  private struct Phase {
    var name: String
    var color: Color
    var signals: SignalPropagation
    /// Per depth.
    var conditions: [Double] = []
    var largest: [Double] = []
    /// The mean correlation of different images, less c*.
    var distances: [Double] = []
  }

  private let settings: Settings
  private let data: DemoData
  private let classifier: DemoClassifier
  private let split: Split
  private let inputs: (train: Tensor, test: Tensor)

  init(key: RandomKey, settings: Settings = Settings()) throws {
    self.settings = settings
    data = try DemoData(.digits)
    classifier = try DemoClassifier(data)
    let order = key.permutation(data.count)
    split = Split(
      train: Array(order[..<settings.trainCount]),
      test: Array(order[settings.trainCount..<settings.trainCount + settings.testCount]))
    let raw = try data.inputs(split)
    // Of one length, so that all start with one variance: what is left is the angle between images.
    inputs = (Self.normalized(raw.train), Self.normalized(raw.test))
  }

  private static func normalized(_ x: Tensor) -> Tensor { x * rsqrt(square(x).mean(axis: 1, keepDims: true)) }

  /// Prints and draws everything; returns the accuracies, per time, per depth and weight variance.
  @discardableResult
  func run(_ report: inout DemoReport) throws -> [[[Double]]] {
    let critical = try criticalPoint(Erf(), biasVariance: Self.biasVariance).weightVariance
    var phases: [Phase] = []
    for (name, color, weight) in [
      ("ordered", Color.blue, 0.7 * critical), ("critical", .green, critical), ("chaotic", .vermilion, 2.5),
    ] {
      report.progress.begin("kernels of the \(name) phase")
      phases.append(try follow(name, color, weight))
    }
    write(phases, &report)
    try report.draw(spectra(phases), name: "depth-spectrum")

    let accuracies = try accuracies(report.progress)
    report.writeEmptyLine()
    report.write(
      "Test accuracy in % on \(settings.testCount) images after \(Self.times[1]) steps, by depth and σw²; "
        + "critical at \(format(critical, 2))\n")
    let shown = stride(from: 1, to: settings.weights.count, by: 4).map { $0 }
    var table = TextTable(["layers"] + shown.map { format(settings.weights[$0], 2) })
    for (index, depth) in Self.depths.enumerated() {
      table.add(["\(depth)"] + shown.map { format(100 * accuracies[1][index][$0], 1) })
    }
    report.write(table)
    try report.draw(maps(accuracies, critical: critical), name: "depth-accuracy")
    return accuracies
  }

  // MARK: - One network

  private static func layers(_ count: Int, weight: Double) -> Serial {
    Serial((0..<count).flatMap { _ -> [any Layer] in [Erf(), dense(weight)] })
  }

  private static func dense(_ weight: Double) -> Dense {
    Dense(1, weightStd: weight.squareRoot(), biasStd: biasVariance.squareRoot())
  }

  /// Kernels at all depths by one sweep: those of more layers follow from those of fewer.
  private func sweep(_ x1: Tensor, _ x2: Tensor?, weight: Double, _ body: (Kernel) throws -> Void) throws {
    var kernel = try Self.dense(weight).kernel(x1, x2)
    var depth = 0
    for next in Self.depths {
      kernel = try Self.layers(next - depth, weight: weight).kernel(of: kernel)
      depth = next
      try body(kernel)
    }
  }

  private func follow(_ name: String, _ color: Color, _ weight: Double) throws -> Phase {
    var phase = Phase(
      name: name, color: color,
      signals: try SignalPropagation(Erf(), weightVariance: weight, biasVariance: Self.biasVariance))
    let count = Self.spectrumCount
    try sweep(inputs.train[0..<count], nil, weight: weight) { kernel in
      guard let ntk = kernel.ntk else { return }
      let values: [Double] = try eigenvaluesSymmetric(ntk).scalars()
      phase.largest.append(values[count - 1])
      phase.conditions.append(values[count - 1] / max(values[0], 1e-300))
      let scale = rsqrt(kernel.nngp.diagonal())
      let correlations = kernel.nngp * scale.reshaped([-1, 1]) * scale.reshaped([1, -1])
      let sum = correlations.sum().scalar(as: Double.self) - Double(count)
      phase.distances.append(sum / Double(count * (count - 1)) - phase.signals.fixedCorrelation)
    }
    return phase
  }

  private func write(_ phases: [Phase], _ report: inout DemoReport) {
    report.write(
      "Digits: tangent kernel of \(Self.spectrumCount) images of one length, erf, σb² = \(Self.biasVariance)\n")
    var table = TextTable(["phase", "σw²", "q*", "c*", "χ₁", "depth of q", "depth of c"])
    for phase in phases {
      let signals = phase.signals
      table.add(
        [phase.name]
          + [
            signals.weightVariance, signals.fixedVariance, signals.fixedCorrelation, signals.chi1,
            signals.varianceDepthScale, signals.depthScale,
          ].map { $0.isFinite ? significant($0) : "–" })
    }
    report.write(table)
    report.writeEmptyLine()
    report.write("Condition number and largest eigenvalue over depth\n")
    table = TextTable(["layers"] + phases.flatMap { ["\($0.name): condition", "largest"] })
    for (index, depth) in Self.depths.enumerated() {
      table.add(
        ["\(depth)"]
          + phases.flatMap { [significant($0.conditions[index]), significant($0.largest[index])] })
    }
    report.write(table)
    report.writeEmptyLine()
    report.write(
      "At criticality the condition number comes to (N + 2)/2 = \((Self.spectrumCount + 2) / 2): "
        + "networks of any depth can be trained.")
  }

  // MARK: - Spectra

  private func spectra(_ phases: [Phase]) -> Panels {
    let x = Self.depths.map(Double.init)
    let ticks = Self.depths.map { Axis.Tick(position: Double($0), label: "\($0)") }
    let depth = Axis("hidden layers", range: 0.9...142, isLogarithmic: true, ticks: ticks)
    var (conditions, distances) = ([Mark](), [Mark]())
    for phase in phases {
      // Rounding hides smaller eigenvalues.
      let places = x.indices.filter { phase.conditions[$0] < 1e13 }
      conditions.append(
        Mark(
          label: phase.name, x: places.map { x[$0] }, geometry: .linePoints(y: places.map { phase.conditions[$0] }),
          color: phase.color))
      if let law = Self.law(phase, places.map { x[$0] }) { conditions.append(law) }
      let visible = x.indices.filter { phase.distances[$0].magnitude > 1e-12 }
      distances.append(
        Mark(
          label: phase.name, x: visible.map { x[$0] },
          geometry: .linePoints(y: visible.map { phase.distances[$0].magnitude }), color: phase.color))
      let scale = phase.signals.depthScale
      guard scale.isFinite, let last = visible.dropLast(visible.count > 2 ? 1 : 0).last else { continue }
      let curve = (0...80).map { pow(128, Double($0) / 80) }
      let (constant, start) = (phase.distances[last].magnitude, x[last])
      distances.append(
        Mark(
          x: curve, geometry: .line(y: curve.map { constant * exp(-($0 - start) / scale) }), color: phase.color,
          isDashed: true))
    }
    conditions.append(Mark(label: "law", x: [0.1], geometry: .line(y: [1]), color: .gray, isDashed: true))
    distances.append(
      Mark(label: "law, e^(−layers/ξ_c)", x: [0.1], geometry: .line(y: [1]), color: .gray, isDashed: true))
    return Panels(
      title: "Digits: tangent kernels of deep erf networks",
      figures: [
        Figure(
          title: "condition number of the tangent kernel", x: depth,
          y: Axis("condition number", range: 1...1e14, isLogarithmic: true), content: .marks(conditions),
          legend: .topLeft),
        Figure(
          title: "distance of correlations from c*", x: depth,
          y: Axis("mean correlation of images − c*", range: 1e-12...10, isLogarithmic: true),
          content: .marks(distances), legend: .bottomLeft),
      ], columns: 2)
  }

  /// How the condition number goes for large depth l: 1 + a χ₁^(−l) in chaos, (N + 2)/2 at criticality, a χ₁^(−l)/l in order; a
  /// from the last depth shown.
  ///
  /// *Source:* Xiao, Pennington and Schoenholz 2020 (arXiv 1912.13053), table 1.
  private static func law(_ phase: Phase, _ x: [Double]) -> Mark? {
    guard let last = x.last else { return nil }
    let (chi, value) = (phase.signals.chi1, phase.conditions[x.count - 1])
    let curve = (0...80).map { 2 * pow(last / 2, Double($0) / 80) }
    let y: [Double]
    switch phase.signals.phase {
    case .critical: y = curve.map { _ in Double(spectrumCount + 2) / 2 }
    case .ordered: y = curve.map { value * last / $0 * pow(chi, last - $0) }
    case .chaotic: y = curve.map { 1 + (value - 1) * pow(chi, last - $0) }
    }
    return Mark(x: curve, geometry: .line(y: y), color: phase.color, isDashed: true)
  }

  // MARK: - Accuracy

  private func accuracies(_ progress: ProgressReporter) throws -> [[[Double]]] {
    progress.begin("accuracy over depth and weight variance")
    let labels = split.test.map { classifier.classes[$0] }
    let targets = try data.target.outputs(of: data.table).taking(split.train, axis: 0)
    var result = Self.times.map { _ in Self.depths.map { _ in [Double]() } }
    for (index, weight) in settings.weights.enumerated() {
      var squares: [Tensor] = []
      try sweep(inputs.train, nil, weight: weight) { if let ntk = $0.ntk { squares.append(ntk) } }
      var depth = 0
      try sweep(inputs.test, inputs.train, weight: weight) { kernel in
        guard let ntk = kernel.ntk else { return }
        // Half of what is stable, for this kernel.
        let rate = 0.5 * (try maximumLearningRate(ntkTrainTrain: squares[depth], outputCount: targets.count))
        let flow = try GradientFlow(
          kTrainTrain: squares[depth], yTrain: targets, learningRate: rate, dynamics: .steps())
        let outputs = try flow.testOutputs(at: TrainingTime(Self.times.map(Double.init)), kTestTrain: ntk)
        for time in Self.times.indices {
          result[time][depth].append(try classificationAccuracy(scores: outputs[time], labels: labels))
        }
        depth += 1
      }
      progress.update(Double(index + 1) / Double(settings.weights.count))
    }
    return result
  }

  private func maps(_ accuracies: [[[Double]]], critical: Double) -> Panels {
    let places = Self.depths.indices.map(Double.init)
    let figures = Self.times.indices.map { time in
      Figure(
        title: "after \(Self.times[time].formatted()) steps", x: Axis("weight variance σw²"),
        y: Axis("hidden layers", ticks: zip(places, Self.depths).map { Axis.Tick(position: $0, label: "\($1)") }),
        content: .gridMap(
          GridMap(
            x: settings.weights, y: places, values: accuracies[time].map { row in row.map { 100 * $0 } },
            colorLabel: time == Self.times.count - 1 ? "test accuracy (%)" : "", colorRange: 10...100,
            marks: [
              Mark(
                x: [critical, critical],
                geometry: .line(y: [-0.5, places.count > 0 ? places[places.count - 1] + 0.5 : 0]),
                color: .white, isDashed: true)
            ])))
    }
    return Panels(
      title: "Digits, \(settings.trainCount) training images: test accuracy over depth; dashed: critical σw²",
      figures: figures, columns: 3)
  }
}
