import Testing

@testable import Tensors

@Suite("Derivatives at corners")
struct PrimitiveCornerTests {
  private func slope(_ x: Double, _ f: @escaping (Tensor) throws -> Tensor) throws -> Double {
    try gradient(of: f)(Tensor(x)).scalar(as: Double.self)
  }

  private func slopes(_ x: [Double], _ f: @escaping (Tensor) throws -> Tensor) throws -> [Double] {
    let reverse = try gradient(of: f)(Tensor(x))
    let forward = try jacobianForward(of: f)(Tensor(x))
    #expect(reverse.isIdentical(to: forward), "\(reverse) by reverse, \(forward) by forward derivatives")
    return reverse.scalars(as: Double.self)
  }

  @Test("roots and absolute values have derivative 0 at 0, and finite second ones")
  func roots() throws {
    for f in [sqrt, cbrt, abs, sign] as [(Tensor) -> Tensor] {
      #expect(try slope(0) { f($0) } == 0)
      #expect(try slope(0) { try gradient(of: { f($0) })($0) } == 0)
    }
    // A norm at the origin, the reason for the rule.
    #expect(try slopes([0, 0]) { sqrt(($0 * $0).sum()) } == [0, 0])
    #expect(isFinite(try hessian(of: { sqrt(($0 * $0).sum()) })(Tensor([0.0, 0]))).all().scalar())
    #expect(try slope(4) { sqrt($0) } == 0.25)
    #expect(abs(try slope(-8) { cbrt($0) } - 1.0 / 12) < 1e-15)
  }

  @Test("equal arguments of minimum and maximum have half the derivative each")
  func ties() throws {
    for f in [{ maximum($0, $1) }, { minimum($0, $1) }] as [(Tensor, Tensor) -> Tensor] {
      #expect(try slopes([2, 2]) { f($0[0], $0[1]) } == [0.5, 0.5])
    }
    #expect(try slopes([1, 2]) { maximum($0[0], $0[1]) } == [0, 1])
    #expect(try slopes([1, 2]) { minimum($0[0], $0[1]) } == [1, 0])
    #expect(try slope(0) { maximum($0, 0) } == 0.5)
  }

  @Test("equal extreme elements share the derivative")
  func equalExtremes() throws {
    #expect(try slopes([1, 3, 3, 3]) { $0.max() } == [0, 1 / 3.0, 1 / 3.0, 1 / 3.0])
    #expect(try slopes([1, 1, 3]) { $0.min() } == [0.5, 0.5, 0])
    #expect(try slopes([2, 2, 2]) { $0.sorted()[0] }.reduce(0, +) == 1)
  }

  @Test("an angle at the origin has derivative 0")
  func angle() throws {
    #expect(try slopes([0, 0]) { atan2($0[0], $0[1]) } == [0, 0])
    let second = try hessian(of: { atan2($0[0], $0[1]) })(Tensor([0.0, 0]))
    #expect(isFinite(second).all().scalar())
    #expect(try slopes([0, -2]) { atan2($0[0], $0[1]) } == [-0.5, 0])
  }

  @Test("powers of 0 and to the power 0")
  func powers() throws {
    func slopes(_ x: Double, _ y: Double) throws -> [Double] { try self.slopes([x, y]) { pow($0[0], $0[1]) } }
    #expect(try slopes(0, 2) == [0, 0])
    #expect(try slopes(0, 1) == [1, 0])
    #expect(try slopes(0, 0) == [0, 0])
    #expect(try slopes(0, 3) == [0, 0])
    #expect(try slopes(2, 0)[0] == 0)
    #expect(abs(try slopes(2, 0)[1] - 0.693_147_180_559_945_3) < 1e-15)
    #expect(try slope(0) { try gradient(of: { pow($0, 2) })($0) } == 2)
    #expect(try slope(0) { try gradient(of: { pow($0, Tensor(2.0)) })($0) } == 2)
    #expect(try slope(0) { try gradient(of: { pow($0, Tensor(1.0)) })($0) } == 0)
    #expect(try slope(-2) { pow($0, 3) } == 12)
    // The mixed second derivative of x^y is x^(y − 1) (1 + y log x): 1 / x where y is 0.
    let mixed = try hessian(of: { pow($0[0], $0[1]) })(Tensor([2.0, 0])).scalars(as: Double.self)
    #expect(abs(mixed[1] - 0.5) < 1e-15 && abs(mixed[2] - 0.5) < 1e-15)
  }

  @Test("a product with zeros has the derivatives of the other factors")
  func products() throws {
    #expect(try slopes([0, 2, 3]) { $0.product() } == [6, 0, 0])
    #expect(try slopes([0, 2, 0, 5]) { $0.product() } == [0, 0, 0, 0])
    #expect(try slopes([7]) { $0.product() } == [1])
    let second = try hessian(of: { $0.product() })(Tensor([0.0, 0, 3])).scalars(as: Double.self)
    #expect(second == [0, 3, 0, 3, 0, 0, 0, 0, 0])
  }

  @Test("select passes derivatives of the chosen branch only")
  func selection() throws {
    #expect(try slopes([1, -1]) { select($0 .> 0, 3 * $0, 5 * $0).sum() } == [3, 5])
    #expect(try slopes([2, 0]) { select($0 .> 0, $0 * $0, 0).sum() } == [4, 0])
  }

  @Test("steps have derivative 0")
  func steps() throws {
    #expect(try slopes([0.3, -1.7]) { (floor($0) + ceil($0) + round($0) + sign($0)).sum() } == [0, 0])
    #expect(try slopes([0.3, -1.7]) { ($0 .> 0).asType(.float64).sum() } == [0, 0])
    #expect(try slopes([0.3, 1.7]) { $0.argMax(axis: 0).asType(.float64) * $0.sum() } == [1, 1])
  }

  @Test("eigenvalues that are equal give finite derivatives, and those of symmetric functions are exact")
  func equalEigenvalues() throws {
    let identity = Tensor.eye(3, dtype: .float64)
    let trace = try gradient(of: { (a: Tensor) in try eigenvaluesSymmetric(a).sum() })(identity)
    // Only the lower triangle is read.
    #expect(allClose(trace, identity, absoluteTolerance: 1e-15))
    let all = try gradient(of: { (a: Tensor) in
      let (values, vectors) = try eigh(a)
      return exp(values).sum() + (vectors * vectors * vectors).sum()
    })(2 * identity)
    #expect(isFinite(all).all().scalar())
  }

  @Test("what is empty has empty derivatives")
  func empty() throws {
    for f in [{ $0.sum() }, { $0.product() }, { ($0 * $0).sum() }, { $0.cumulativeSum(axis: 0).sum() }]
      as [(Tensor) -> Tensor]
    {
      let result = try valueAndGradient(of: { f($0) }, at: Tensor.zeros([0], dtype: .float64))
      #expect(result.gradient.type == TensorType(shape: [0], dtype: .float64))
      #expect(isFinite(result.value).all().scalar())
    }
  }
}
