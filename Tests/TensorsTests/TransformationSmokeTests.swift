import Testing
import Tensors

@Suite struct TransformationSmoke {
  func mlp(_ w: [Tensor], _ x: Tensor) throws -> Tensor {
    var h = x
    for v in w { h = tanh(matmul(h, v)) }
    return (h * h).sum()
  }

  @Test func everything() throws {
    let key = RandomKey(seed: 1)
    let keys = key.split(into: 5)
    let w = [keys[0].normal([3, 4], dtype: .float64), keys[1].normal([4, 2], dtype: .float64)]
    let x = keys[2].normal([5, 3], dtype: .float64)
    print(try trace(mlp, at: w, x))
    let both = try valueAndGradient(of: mlp)(w, x)
    print(both.value, try mlp(w, x))
    let g = (both.gradient, try gradient(of: { (x: Tensor) in try mlp(w, x) })(x))
    let d = (w.map { keys[3].normal($0.shape, dtype: .float64) }, keys[4].normal(x.shape, dtype: .float64))
    let (_, t) = try jvp(mlp, at: (w, x), along: d)
    let eps = 1e-6
    let plus = try mlp(zip(w, d.0).map { $0 + eps * $1 }, x + eps * d.1)
    let minus = try mlp(zip(w, d.0).map { $0 - eps * $1 }, x - eps * d.1)
    let numeric = (plus - minus) / (2 * eps)
    let viaReverse = zip(g.0, d.0).map { ($0 * $1).sum() }.reduce((g.1 * d.1).sum()) { $0 + $1 }
    print(t, numeric, viaReverse)
    #expect(allClose(t, numeric, relativeTolerance: 1e-7))
    #expect(allClose(t, viaReverse, relativeTolerance: 1e-12))
    let h = try hessian(of: { (x: Tensor) in try mlp(w, x) })(x)
    let hr = try jacobianReverse(of: gradient(of: { (x: Tensor) in try mlp(w, x) }))(x)
    #expect(allClose(h, hr, relativeTolerance: 1e-10))
    let per = try vmap(gradient(of: mlp), inAxes: [nil, 0])(w, x)
    let one = try gradient(of: mlp)(w, x[2])
    #expect(allClose(per[0][2], one[0], relativeTolerance: 1e-12))
    let c = compile(gradient(of: mlp))
    #expect(try c(w, x) == g.0)
    #expect(allClose(try c(w, x + 1)[1], try gradient(of: mlp)(w, x + 1)[1], relativeTolerance: 1e-14))
    let cp = try gradient(of: { (w: [Tensor], x: Tensor) in try checkpoint(mlp)(w, x) })(w, x)
    #expect(allClose(cp[1], g.0[1], relativeTolerance: 1e-14))
    let cubed = withVjp({ (x: Tensor) in x * x * x }, rule: { (x: Tensor, t: Tensor) in 3 * x * x * t })
    let s = Tensor(2.0)
    #expect(try gradient(of: gradient(of: cubed))(s).scalar(as: Double.self) == 12)
    #expect(try jvp(cubed, at: s, along: Tensor(1.0)).tangent.scalar(as: Double.self) == 12)
    let a = matmul(x, x.transposed()) + Tensor.eye(5, dtype: .float64)
    func ld(_ a: Tensor) throws -> Tensor { try logDeterminant(a) }
    let ga = try gradient(of: ld)(a)
    print(ga, try inverse(cholesky: cholesky(a)))
    func ev(_ a: Tensor) throws -> Tensor { let (l, v) = try eigh(a); return (log(l)).sum() + 0 * (v * v).sum() }
    print(try gradient(of: ev)(a))
  }
}
