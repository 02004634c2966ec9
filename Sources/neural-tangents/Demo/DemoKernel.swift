import NeuralTangents
import Tensors

/// What a tangent kernel sees: images of one digit resemble each other.
struct DemoKernel {
  private static let imagesPerClass = 30

  func run(_ report: inout DemoReport, key: RandomKey) throws {
    let data = try DemoData(.digits)
    let classes = try data.target.classIndices(of: data.table)
    let order = key.permutation(data.count)
    let names = data.target.classes ?? []
    let rows = names.indices.flatMap { index in
      order.filter { classes[$0] == index }.prefix(Self.imagesPerClass)
    }
    let network = DemoNetwork(depth: 3, nonlinearity: .relu)
    let ntk = try network.network.ntk(data.inputs(Split(train: rows, test: [])).train)
    let scale = rsqrt(ntk.diagonal())
    let correlations = ntk * scale.reshaped([-1, 1]) * scale.reshaped([1, -1])
    let values = correlations.scalars(as: Double.self)

    report.write("Digits: tangent kernel of \(network.name) between \(rows.count) images, as a correlation\n")
    var table = TextTable(["digit", "mean with its own", "mean with others", "most like"])
    for index in names.indices {
      let means = names.indices.map { other in mean(values, index, other, count: rows.count) }
      let others = means.enumerated().filter { $0.offset != index }
      let nearest = others.max { $0.element < $1.element }
      table.add([
        names[index], format(means[index], 3),
        format(others.reduce(0) { $0 + $1.element } / Double(others.count), 3),
        nearest.map { "\(names[$0.offset]) (\(format($0.element, 3)))" } ?? "-",
      ])
    }
    report.write(table)

    let ticks = names.indices.map { index in
      Axis.Tick(position: (Double(index) + 0.5) * Double(Self.imagesPerClass) - 0.5, label: names[index])
    }
    let least = values.min() ?? 0
    try report.draw(
      Figure(
        title: "Digits: tangent kernel (\(network.name)), \(Self.imagesPerClass) images of each",
        x: Axis("image, ordered by digit", ticks: ticks), y: Axis("image, ordered by digit", ticks: ticks),
        content: .heatMap(
          HeatMap(
            rows: (0..<rows.count).map { Array(values[$0 * rows.count..<($0 + 1) * rows.count]) },
            colorLabel: "correlation", colorRange: (10 * least).rounded(.down) / 10...1,
            borders: (1..<names.count).map { $0 * Self.imagesPerClass })),
        shape: .square),
      name: "kernel-heat-map")
  }

  /// The mean over one block, without the diagonal, which is one.
  private func mean(_ values: [Double], _ a: Int, _ b: Int, count: Int) -> Double {
    let size = Self.imagesPerClass
    var sum = 0.0
    for i in a * size..<(a + 1) * size {
      for j in b * size..<(b + 1) * size where i != j { sum += values[i * count + j] }
    }
    return sum / Double(size * size - (a == b ? size : 0))
  }
}
