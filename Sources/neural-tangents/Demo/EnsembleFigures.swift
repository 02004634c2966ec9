/// The pictures of finite networks beside their infinite ensemble.
struct EnsembleFigures {
  var x: [Double]
  var truth: [Double]
  var xTrain: [Double]
  var yTrain: [Double]
  var curves: EnsembleCurves
  var memberCount: Int
  var width: Int

  /// Mean and two standard deviations over the input, at one time.
  func bands(at index: Int) -> Figure {
    func band(_ moments: EnsembleCurves.Moments, _ color: Color) -> Mark {
      Mark(
        x: x,
        geometry: .band(
          lower: zip(moments.mean, moments.deviation).map { $0 - 2 * $1 },
          upper: zip(moments.mean, moments.deviation).map { $0 + 2 * $1 }), color: color)
    }
    let (finite, infinite) = (curves.finite[index], curves.infinite[index])
    func edges(_ moments: EnsembleCurves.Moments, _ color: Color) -> [Mark] {
      [-2.0, 2.0].map { factor in
        Mark(
          x: x, geometry: .line(y: zip(moments.mean, moments.deviation).map { $0 + factor * $1 }), color: color,
          isDashed: true)
      }
    }
    return Figure(
      title: "\(memberCount) networks of width \(width) after \(curves.times[index]) steps (mean ± 2σ)",
      x: Axis("input", range: -3.15...3.15), y: Axis("output", range: -3...3),
      content: .marks(
        [band(infinite, .blue), band(finite, .vermilion)] + edges(infinite, .blue) + [
          Mark(label: "sin", x: x, geometry: .line(y: truth), color: .gray),
          Mark(label: "infinite ensemble, closed form", x: x, geometry: .line(y: infinite.mean), color: .blue),
          Mark(
            label: "finite networks, gradient descent", x: x, geometry: .line(y: finite.mean), color: .vermilion,
            isDashed: true),
          Mark(label: "training data", x: xTrain, geometry: .points(y: yTrain), color: .black),
        ]), legend: .topLeft)
  }

  /// Training and test loss over time.
  var losses: Figure {
    // A logarithmic axis has no zero: the first step stands for the time before it.
    let steps = curves.times.map { Swift.max(0.5, Double($0)) }
    func line(_ label: String, _ y: [Double], _ color: Color, isDashed: Bool) -> Mark {
      Mark(label: label, x: steps, geometry: .line(y: y), color: color, isDashed: isDashed)
    }
    let lowest = (curves.finiteLoss.train + curves.infiniteLoss.train).min() ?? 1e-6
    return Figure(
      title: "Loss over training time, width \(width)",
      x: Axis(
        "gradient steps", range: 0.5...Double(curves.times.last ?? 1), isLogarithmic: true,
        ticks: [0.5: "0", 1: "1", 10: "10", 100: "100", 1000: "1000"].map {
          Axis.Tick(position: $0.key, label: $0.value)
        }),
      y: Axis("mean of half the squared error", range: Swift.max(1e-8, lowest / 2)...10, isLogarithmic: true),
      content: .marks([
        line("test, infinite", curves.infiniteLoss.test, .blue, isDashed: false),
        line("test, finite", curves.finiteLoss.test, .vermilion, isDashed: true),
        line("training, infinite", curves.infiniteLoss.train, .green, isDashed: false),
        line("training, finite", curves.finiteLoss.train, .orange, isDashed: true),
      ]), legend: .bottomLeft)
  }

  /// The distance between the finite and the infinite mean over width.
  static func widths(_ widths: [Int], ofPairs: [Double], ofAll: [Double], memberCount: Int) -> Figure {
    let x = widths.map(Double.init)
    let (first, narrowest) = (ofPairs.first ?? 1, x.first ?? 1)
    return Figure(
      title: "Distance of finite means from the infinite mean",
      x: Axis(
        "width", range: narrowest / 1.25...(x.last ?? 1) * 1.25, isLogarithmic: true,
        ticks: widths.map { Axis.Tick(position: Double($0), label: "\($0)") }),
      y: Axis("RMSE of the means", isLogarithmic: true),
      content: .marks([
        Mark(
          label: "1/√width", x: x, geometry: .line(y: x.map { first * (narrowest / $0).squareRoot() }), color: .gray,
          isDashed: true),
        Mark(label: "mean of 2 networks", x: x, geometry: .linePoints(y: ofPairs), color: .blue),
        Mark(label: "mean of \(memberCount) networks", x: x, geometry: .linePoints(y: ofAll), color: .vermilion),
      ]), legend: .bottomLeft)
  }
}
