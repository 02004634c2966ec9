import Foundation
import NeuralTangents

/// Which deep networks can be trained at all: the fixed points of variances and correlations over weight and bias variance, and the
/// line between order and chaos.
struct DemoPhases {
  private static let activation = Erf()
  private static let weights = (0..<90).map { 3 * (Double($0) + 0.5) / 90 }
  private static let biases = (0..<60).map { 0.25 * (Double($0) + 0.5) / 60 }

  func run(_ report: inout DemoReport) throws {
    try writePoints(&report)
    report.writeEmptyLine()
    try writeCriticalLines(&report)
    report.progress.begin("phase diagram")
    let grid = try SignalPropagation.grid(
      Self.activation, weightVariances: Self.weights, biasVariances: Self.biases)
    try report.draw(panels(grid), name: "phases")
  }

  private static let examples: [(name: String, activation: any Activation, weight: Double, bias: Double)] = [
    ("erf", Erf(), 0.5, 0.05), ("erf", Erf(), 1.2, 0.05), ("erf", Erf(), 2, 0.05), ("tanh", Tanh(), 1.5, 0.05),
    ("tanh", Tanh(), 3, 0.05), ("ReLU", Relu(), 1.5, 0.1), ("ReLU", Relu(), 2, 0), ("GELU", Gelu(), 1.5, 0.1),
  ]

  private func writePoints(_ report: inout DemoReport) throws {
    report.write("Layers of weight variance σw² and bias variance σb²: where variances and correlations end\n")
    var table = TextTable(["activation", "σw²", "σb²", "phase", "q*", "c*", "χ₁", "depth of q", "depth of c"])
    for example in Self.examples {
      let found = try SignalPropagation(
        example.activation, weightVariance: example.weight, biasVariance: example.bias)
      table.add([
        example.name, significant(example.weight), significant(example.bias), found.phase.rawValue,
        significant(found.fixedVariance), significant(found.fixedCorrelation), significant(found.chi1),
        Self.layers(found.varianceDepthScale), Self.layers(found.depthScale),
      ])
    }
    report.write(table)
    report.writeEmptyLine()
    report.write("Depth: layers over which a difference from q* or c* falls to 1/e; – where it falls like a power.")
  }

  private static func layers(_ scale: Double) -> String { scale.isFinite ? significant(scale) : "–" }

  private func writeCriticalLines(_ report: inout DemoReport) throws {
    report.write("Critical weight variance, at which χ₁ = 1, over bias variance\n")
    let biases = [0, 0.01, 0.05, 0.1, 0.25]
    var table = TextTable(["activation"] + biases.map { "σb² = \(significant($0))" })
    for (name, activation) in [("erf", Erf()), ("tanh", Tanh()), ("sin", Sin())] as [(String, any Activation)] {
      table.add(
        [name]
          + (try biases.map { format(try criticalPoint(activation, biasVariance: $0).weightVariance, 4) }))
    }
    report.write(table)
  }

  private func panels(_ grid: [[SignalPropagation?]]) throws -> Panels {
    // Small fixed variances belong to the corner at small biases.
    let line = try criticalLine(Self.activation, variances: (0..<400).map { pow(10, -5 + 6 * Double($0) / 399) })
      .filter { $0.biasVariance <= 0.25 && $0.weightVariance <= 3 }
    let critical = Mark(
      label: "χ₁ = 1", x: line.map(\.weightVariance), geometry: .line(y: line.map(\.biasVariance)), color: .black,
      isDashed: true)
    func panel(
      _ title: String, _ label: String?, _ range: ClosedRange<Double>, ticks: [Axis.Tick]? = nil,
      palette: GridMap.Palette = .viridis, marks: [Mark], _ value: (SignalPropagation) -> Double
    ) -> Figure {
      let values = grid.map { row in row.map { $0.map(value) ?? .nan } }
      return Figure(
        title: title, x: Axis("weight variance σw²"), y: Axis("bias variance σb²"),
        content: .gridMap(
          GridMap(
            x: Self.weights, y: Self.biases, values: values, colorLabel: label, colorRange: range, colorTicks: ticks,
            palette: palette, marks: marks)))
    }
    let words = [
      Mark(x: [0.55], geometry: .labels(y: [0.125], texts: ["ordered"]), color: .black),
      Mark(x: [2.4], geometry: .labels(y: [0.125], texts: ["chaotic"]), color: .black),
    ]
    let scales = [1, 3, 10, 30, 100].map { Axis.Tick(position: log10($0), label: significant($0)) }
    return Panels(
      title: "Deep erf networks: signals and gradients over weight and bias variance",
      figures: [
        panel("fixed correlation", "c*", 0...1, marks: [critical]) { $0.fixedCorrelation },
        panel("growth of gradients in a layer", "χ₁", 0.4...1.6, palette: .diverging, marks: [critical]) {
          $0.chi1
        },
        panel("phases", nil, -2...2, palette: .diverging, marks: [critical] + words) {
          $0.phase == .ordered ? -1 : $0.phase == .chaotic ? 1 : 0
        },
        panel("depth to which signals reach", "ξ_c, layers", 0...2, ticks: scales, marks: [critical]) {
          min(2, log10(max($0.depthScale, 1)))
        },
      ], columns: 2)
  }
}
