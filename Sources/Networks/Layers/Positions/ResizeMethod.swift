import CovarianceEngine
import Platform

/// How values between positions are found when an image is resized.
///
/// All but `nearest` are weighted means: with m inputs and n outputs, output i is at sᵢ = (i + ½) m/n − ½, and input j
/// has the weight w(|sᵢ − j| / κ), divided by their sum; κ = max(m/n, 1) with antialiasing and 1 without.
/// *Source:* Keys 1981, "Cubic convolution interpolation for digital image processing"; Duchon 1979, "Lanczos filtering
/// in one and two dimensions".
public enum ResizeMethod: String, Sendable, CaseIterable {
  /// Output i is input ⌊(i + ½) m/n⌋.
  case nearest
  /// w(x) = max(0, 1 − x).
  case linear
  /// Cubic convolution with a = −½.
  case cubic
  /// w(x) = sinc(x) sinc(x/3) for x < 3.
  case lanczos3
  /// w(x) = sinc(x) sinc(x/5) for x < 5.
  case lanczos5

  /// The method that goes by a name: also bilinear, trilinear and triangle for linear, bicubic and tricubic for cubic.
  public init?(named name: String) {
    switch name {
    case "bilinear", "trilinear", "triangle": self = .linear
    case "bicubic", "tricubic": self = .cubic
    default: self.init(rawValue: name)
    }
  }

  /// The map of an axis of `size` positions to one of `target`.
  func map(from size: Int, to target: Int, antialias: Bool) -> PositionMapOperation.Axis {
    if size == target { return .unchanged }
    if self == .nearest {
      // In float32: exact arithmetic would choose the other neighbour where an output lies between two inputs.
      return .selected(
        (0..<target).map { min(Int(((Float($0) + 0.5) * Float(size) / Float(target)).rounded(.down)), size - 1) })
    }
    return .weighted(
      (0..<target).map { output in
        let row = (0..<size).map { input in
          // |sᵢ − j| is this integer over 2n, so that the zeros of weights are met exactly.
          let distance = abs((2 * output + 1) * size - target * (2 * input + 1))
          return weight(Double(distance) / Double(2 * (antialias ? max(size, target) : target)))
        }
        let total = row.reduce(0, +)
        return row.map { $0 / total }
      })
  }

  private func weight(_ x: Double) -> Double {
    switch self {
    case .nearest: x < 0.5 ? 1 : 0
    case .linear: max(0, 1 - x)
    case .cubic:
      x >= 2 ? 0 : x >= 1 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : (1.5 * x - 2.5) * x * x + 1
    case .lanczos3: lanczos(x, radius: 3)
    case .lanczos5: lanczos(x, radius: 5)
    }
  }

  private func lanczos(_ x: Double, radius: Double) -> Double {
    if x == 0 { return 1 }
    if x >= radius || x == x.rounded() { return 0 }
    return radius * sin(.pi * x) * sin(.pi * x / radius) / (.pi * .pi * x * x)
  }
}
