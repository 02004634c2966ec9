import CovarianceEngine
import Inference
import Networks
import Tensors

/// The spectrum of a kernel of the angle between inputs that are uniform on a sphere in d dimensions: its eigenfunctions are the
/// spherical harmonics, and one eigenvalue belongs to each degree.
///
/// Kernels of fully connected networks are such kernels. With t the cosine, the eigenvalue of degree k is the mean of k(t) P_k(t) over
/// t of density (1 − t²)^((d−3)/2), where P_k is Gegenbauer's polynomial with P_k(1) = 1 (the theorem of Funk and Hecke).
///
/// *Source:* Müller, Spherical Harmonics (1966).
public struct SphericalSpectrum: Sendable {
  /// d.
  public let dimension: Int
  /// Of degrees 0, 1, …
  public let eigenvalues: [Double]
  /// How many harmonics each degree has.
  public let multiplicities: [Double]
  /// What the kernel has on its diagonal beyond those degrees: k(1) − Σ λ_k · multiplicity. Fewer training rows than harmonics of
  /// higher degrees see it as a ridge.
  public let remainder: Double

  /// - Parameters:
  ///   - dimension: d, at least 2.
  ///   - degrees: the number of degrees, at least 1.
  ///   - kernel: k as a function of cosines, shape (n), which it takes many at once.
  /// - Throws: `DynamicsError` for sizes that are too small, and what `kernel` throws.
  public init(dimension: Int, degrees: Int, kernel: (Tensor) throws -> Tensor) throws {
    for (name, value, least) in [("dimension", dimension, 2), ("degrees", degrees, 1)] where value < least {
      throw DynamicsError.invalidValue(argument: name, expected: "at least \(least)", found: "\(value)")
    }
    // Exact for the products of polynomials of such degrees; kernels with kinks at ±1 need more nodes.
    let rule = try Self.rule(dimension: dimension, count: max(256, 4 * degrees))
    let values: [Double] = try kernel(Tensor(rule.nodes + [1])).asType(.float64).scalars()
    guard values.count == rule.nodes.count + 1 else {
      throw DynamicsError.invalidValue(
        argument: "kernel", expected: "a number for each of \(rule.nodes.count + 1) cosines", found: "\(values.count)")
    }
    let harmonics = rule.nodes.map { Self.polynomials($0, dimension: dimension, count: degrees) }
    self.dimension = dimension
    let eigenvalues = (0..<degrees).map { degree in
      rule.nodes.indices.reduce(0) { $0 + rule.weights[$1] * values[$1] * harmonics[$1][degree] }
    }
    self.eigenvalues = eigenvalues
    multiplicities = (0..<degrees).map { Self.multiplicity(degree: $0, dimension: dimension) }
    remainder = values[rule.nodes.count] - zip(eigenvalues, multiplicities).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// That of a kernel of a fully connected network, for inputs of length √d.
  ///
  /// - Parameters:
  ///   - network: of inputs (rows, channels).
  ///   - dimension: d, at least 2.
  ///   - degrees: the number of degrees, at least 1.
  ///   - kind: the covariance for `.nngp`, otherwise the tangent kernel.
  public init(_ network: any Layer, dimension: Int, degrees: Int, kernel kind: EnsembleKind = .ntk) throws {
    try self.init(dimension: dimension, degrees: degrees) { cosines in
      let length = Double(dimension).squareRoot()
      let sines = sqrt(maximum(1 - cosines * cosines, 0))
      // The other coordinates are zero.
      let plane = matmul(stack([cosines, sines], axis: 1), Tensor.eye(2, dimension, dtype: .float64))
      let inputs = length * plane
      let pole = Tensor([length] + [Double](repeating: 0, count: dimension - 1), shape: [1, dimension])
      return try (kind == .nngp ? network.nngp(inputs, pole) : network.ntk(inputs, pole)).reshaped([-1])
    }
  }

  /// How many spherical harmonics of a degree there are in `dimension` dimensions: (2k + d − 2)/k · C(k + d − 3, k − 1).
  public static func multiplicity(degree: Int, dimension: Int) -> Double {
    precondition(degree >= 0 && dimension >= 2, "degree \(degree) in \(dimension) dimensions")
    if degree == 0 { return 1 }
    var choices = 1.0
    for factor in 1..<degree { choices *= Double(dimension - 2 + factor) / Double(factor) }
    return (choices * Double(2 * degree + dimension - 2) / Double(degree)).rounded()
  }

  /// P₀(t), P₁(t), … with P_k(1) = 1.
  public static func polynomials(_ t: Double, dimension: Int, count: Int) -> [Double] {
    precondition(dimension >= 2 && count >= 0, "\(count) polynomials in \(dimension) dimensions")
    var values = [1, t]
    while values.count < count {
      let k = Double(values.count - 1)
      let shift = Double(dimension - 2)
      let next = ((2 * k + shift) * t * values[values.count - 1] - k * values[values.count - 2]) / (k + shift)
      values.append(next)
    }
    return Array(values.prefix(count))
  }

  /// Gauss's rule for the density of one coordinate on the sphere: eigenvalues of the Jacobi matrix, squares of the first parts of its
  /// eigenvectors.
  private static func rule(dimension: Int, count: Int) throws -> (nodes: [Double], weights: [Double]) {
    let alpha = Double(dimension - 2) / 2
    var matrix = [Double](repeating: 0, count: count * count)
    for k in 1..<count {
      let n = Double(k)
      let square = k == 1 ? 1 / (2 * (1 + alpha)) : n * (n + 2 * alpha - 1) / (4 * (n + alpha) * (n + alpha - 1))
      matrix[k * count + k - 1] = square.squareRoot()
      matrix[(k - 1) * count + k] = square.squareRoot()
    }
    let (nodes, vectors) = try eigh(Tensor(matrix, shape: [count, count]))
    return (nodes.scalars(), square(vectors[0]).scalars())
  }
}
