import Foundation
import NeuralTangents
import Testing

@Suite("L-BFGS")
struct LBFGSTests {
  private func rosenbrock(_ x: [Double]) -> LBFGS.Sample? {
    var (value, gradient) = (0.0, [Double](repeating: 0, count: x.count))
    for i in 0..<x.count - 1 {
      let (a, b) = (1 - x[i], x[i + 1] - x[i] * x[i])
      value += a * a + 100 * b * b
      gradient[i] += -2 * a - 400 * x[i] * b
      gradient[i + 1] += 200 * b
    }
    return (value, gradient)
  }

  @Test("finds the end of Rosenbrock's valley", arguments: [2, 5, 20])
  func valley(_ count: Int) throws {
    let start = (0..<count).map { $0.isMultiple(of: 2) ? -1.2 : 1 }
    var values: [Double] = []
    let minimum = try #require(
      LBFGS(maximumIterations: 500, gradientTolerance: 1e-9, valueTolerance: 0).minimize(
        from: start, progress: { values.append($1) }, rosenbrock))
    #expect(minimum.isConverged && minimum.value < 1e-15)
    #expect(minimum.point.allSatisfy { abs($0 - 1) < 1e-7 })
    #expect(zip(values, values.dropFirst()).allSatisfy { $0 >= $1 })
  }

  @Test("solves a quadratic with condition 1e6")
  func quadratic() throws {
    let curvatures = (0..<12).map { pow(10, 6 * Double($0) / 11) }
    let minimum = try #require(
      LBFGS(memory: 12, maximumIterations: 3000, gradientTolerance: 1e-8, valueTolerance: 0).minimize(
        from: [Double](repeating: 3, count: 12)
      ) { x in
        let slopes = zip(curvatures, x).map { $0 * ($1 - 1) }
        return (zip(slopes, x).reduce(0) { $0 + 0.5 * $1.0 * ($1.1 - 1) }, slopes)
      })
    #expect(minimum.isConverged)
    #expect(minimum.point.allSatisfy { abs($0 - 1) < 1e-7 })
  }

  @Test("shortens steps to where the function has a value")
  func barrier() throws {
    let minimum = try #require(
      LBFGS(gradientTolerance: 1e-10, valueTolerance: 0).minimize(from: [30]) { x in
        x[0] > 0 ? (x[0] - log(x[0]), [1 - 1 / x[0]]) : nil
      })
    #expect(abs(minimum.point[0] - 1) < 1e-8)
  }

  @Test("nothing comes from a start without a value, and errors pass through")
  func noStart() throws {
    struct Failure: Error {}
    #expect(LBFGS().minimize(from: [1]) { _ in (.nan, [0]) } == nil)
    #expect(throws: Failure.self) { try LBFGS().minimize(from: [1]) { _ in throw Failure() } }
  }

  @Test("stops when iterations run out")
  func limit() throws {
    let minimum = try #require(LBFGS(maximumIterations: 3).minimize(from: [-1.2, 1], rosenbrock))
    #expect(minimum.iterations == 3 && !minimum.isConverged)
  }
}
