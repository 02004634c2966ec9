import Tensors
import Testing

/// Products large enough to be shared between threads.
@Suite("Tiles of a product")
struct ContractionTileTests {
  struct Shape: CustomTestStringConvertible {
    var labels: [String]
    var output: String
    var shapes: [[Int]]
    var testDescription: String { "\(labels.joined(separator: ",")) \(shapes)" }
  }

  static let products = [
    Shape(labels: ["ij", "jk"], output: "ik", shapes: [[330, 150], [150, 410]]),
    Shape(labels: ["ji", "kj"], output: "ik", shapes: [[150, 330], [410, 150]]),
    Shape(labels: ["ij", "j"], output: "i", shapes: [[2305, 2100], [2100]]),
    Shape(labels: ["ji", "j"], output: "i", shapes: [[2100, 2305], [2100]]),
    Shape(labels: ["j", "ji"], output: "i", shapes: [[2100], [2100, 2305]]),
    Shape(labels: ["j", "ij"], output: "i", shapes: [[2100], [2305, 2100]]),
  ]

  /// Whole numbers so small that their products are exact in every order.
  private func wholeNumbers(_ random: inout NaiveLinearAlgebra, _ shape: [Int], _ dtype: DType) -> Tensor {
    let values = random.tensor(shape).doubles.map { ($0 * 4).rounded() }
    return Tensor(values, shape: shape).asType(dtype)
  }

  @Test("every element is right, and no bit depends on the number of threads", arguments: products)
  func general(_ shape: Shape) {
    for dtype in [DType.float32, .float64] {
      var random = NaiveLinearAlgebra(seed: 21)
      let (a, b) = (
        wholeNumbers(&random, shape.shapes[0], dtype), wholeNumbers(&random, shape.shapes[1], dtype)
      )
      let equation = shape.labels.joined(separator: ",") + "->" + shape.output
      // Whole numbers are multiplied in plain loops.
      #expect(einsum(equation, a, b).doubles == einsum(equation, a.asType(.int32), b.asType(.int32)).doubles)
      let (x, y) = (random.tensor(shape.shapes[0], dtype), random.tensor(shape.shapes[1], dtype))
      let alone = Threads.withLimit(1) { einsum(equation, x, y).doubles }
      #expect(einsum(equation, x, y).doubles == alone)
    }
  }

  @Test(
    "Gram matrices are right and exactly symmetric, by rows and by columns",
    arguments: [[397, 150], [150, 397], [70, 1000], [1000, 70]])
  func gram(_ shape: [Int]) {
    for dtype in [DType.float32, .float64] {
      for axis in 0..<2 {
        var random = NaiveLinearAlgebra(seed: 22)
        let whole = wholeNumbers(&random, shape, dtype)
        let exact = whole.asType(.int32)
        let expected = dotGeneral(exact, exact, contracting: ([axis], [axis])).doubles
        #expect(dotGeneral(whole, whole, contracting: ([axis], [axis])).doubles == expected)
        let x = random.tensor(shape, dtype)
        let rows = dotGeneral(x, x, contracting: ([axis], [axis])).matrices[0]
        #expect(rows == NaiveLinearAlgebra.transpose(rows))
        let alone = Threads.withLimit(1) { dotGeneral(x, x, contracting: ([axis], [axis])).matrices[0] }
        #expect(rows == alone)
      }
    }
  }
}
