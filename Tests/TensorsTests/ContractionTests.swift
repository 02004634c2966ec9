import Tensors
import Testing

@Suite("Contractions")
struct ContractionTests {
  static let equations: [(inputs: [String], output: String, shapes: [[Int]])] = [
    (["ij", "jk"], "ik", [[7, 5], [5, 9]]),
    (["ij", "jk"], "ki", [[70, 50], [50, 33]]),
    (["ji", "jk"], "ik", [[50, 70], [50, 33]]),
    (["ij", "kj"], "ik", [[70, 50], [33, 50]]),
    (["ji", "kj"], "ik", [[50, 70], [33, 50]]),
    (["bij", "bjk"], "bik", [[6, 7, 50], [6, 50, 9]]),
    (["bij", "bjk"], "ikb", [[6, 7, 50], [6, 50, 9]]),
    (["ibj", "jbk"], "bik", [[7, 30, 11], [11, 30, 5]]),
    (["abij", "abjk"], "abik", [[4, 25, 8, 9], [4, 25, 9, 10]]),
    (["iajb", "kbla"], "ijkl", [[3, 4, 5, 6], [7, 6, 2, 4]]),
    (["ab", "abc"], "c", [[12, 13], [12, 13, 14]]),
    (["ba", "abc"], "c", [[13, 12], [12, 13, 14]]),
    (["bi", "bi"], "b", [[40, 50], [40, 50]]),
    (["ij", "ij"], "j", [[40, 50], [40, 50]]),
    (["ij", "ij"], "ij", [[4, 5], [4, 5]]),
    (["ij", "ij"], "", [[40, 50], [40, 50]]),
    (["i", "j"], "ij", [[4], [5]]),
    (["i", "j"], "ji", [[4], [5]]),
    (["ij", "k"], "ki", [[4, 5], [6]]),
    (["ij", "j"], "i", [[200, 90], [90]]),
    (["i", "ij"], "j", [[200], [200, 90]]),
    (["i", "ji"], "j", [[90], [200, 90]]),
    (["ij"], "ji", [[4, 5]]),
    (["ij"], "", [[4, 5]]),
    (["ijk"], "k", [[4, 5, 6]]),
    (["ii"], "", [[5, 5]]),
    (["ii"], "i", [[5, 5]]),
    (["iji"], "j", [[5, 3, 5]]),
    (["jiik"], "kij", [[2, 5, 5, 3]]),
    (["iij", "jkk"], "ik", [[5, 5, 4], [4, 3, 3]]),
    (["ij", "jk", "kl"], "il", [[4, 5], [5, 6], [6, 7]]),
    (["ij", "ik", "il"], "jkl", [[8, 3], [8, 4], [8, 5]]),
    (["a", "ab", "bc", "c"], "", [[9], [9, 8], [8, 7], [7]]),
    (["ij", "ij", "ij"], "i", [[5, 6], [5, 6], [5, 6]]),
    (["nwhc", "nWHc"], "nwWhH", [[2, 3, 4, 5], [2, 3, 4, 5]]),
    (["ij", "jk"], "ik", [[3, 0], [0, 4]]),
    (["bij", "bjk"], "bik", [[0, 2, 3], [0, 3, 4]]),
    (["ij", "jk"], "ik", [[1, 1], [1, 1]]),
  ]

  @Test(
    "einsum equals the sum over all index combinations", arguments: equations.indices,
    [DType.float32, .float64, .int32])
  func einsumEqualsNaive(_ index: Int, _ dtype: DType) {
    let (inputs, output, shapes) = Self.equations[index]
    var random = NaiveLinearAlgebra(seed: UInt64(index))
    let operands = shapes.map { random.tensor($0, dtype) }
    let expected = NaiveLinearAlgebra.einsum(inputs, output, operands)
    let equation = inputs.joined(separator: ",") + "->" + output
    let result = einsum(equation, operands)
    #expect(result.dtype == dtype)
    #expect(result.shape == expected.shape, "\(equation)")
    let tolerance = dtype == .float32 ? 2e-4 : dtype == .float64 ? 1e-12 : 0
    let difference = zip(result.doubles, expected.values).map { abs($0 - $1) }.max() ?? 0
    #expect(difference <= tolerance, "\(equation): off by \(difference)")
  }

  @Test("implicit output is the letters that occur once, in alphabetical order")
  func implicitOutput() {
    var random = NaiveLinearAlgebra(seed: 5)
    let (a, b) = (random.tensor([3, 4]), random.tensor([3, 5]))
    #expect(einsum("ji,jh", a, b).doubles == einsum("ji,jh->hi", a, b).doubles)
    #expect(einsum("ba", a).doubles == einsum("ba->ab", a).doubles)
    #expect(einsum("ii", random.tensor([4, 4])).shape == [])
  }

  @Test("an ellipsis stands for leading axes and broadcasts")
  func ellipsis() {
    var random = NaiveLinearAlgebra(seed: 6)
    let a = random.tensor([2, 3, 4, 5])
    let b = random.tensor([3, 5, 6])
    let c = random.tensor([1, 5, 6])
    #expect(einsum("...ij,...jk->...ik", a, b).doubles == einsum("abij,bjk->abik", a, b).doubles)
    #expect(einsum("...ij,...jk", a, b).shape == [2, 3, 4, 6])
    #expect(einsum("...ij,...jk->...ik", a, c).shape == [2, 3, 4, 6])
    let expected = NaiveLinearAlgebra.einsum(["abij", "cjk"], "abik", [a, c])
    let broadcast = einsum("...ij,...jk->...ik", a, c)
    #expect(zip(broadcast.doubles, expected.values).allSatisfy { abs($0 - $1) < 1e-12 })
    #expect(einsum("...i->i...", a).shape == [5, 2, 3, 4])
    #expect(einsum("...i->i", a).shape == [5])
  }

  @Test(
    "matmul follows NumPy on vectors and leading axes",
    arguments: [
      ([4], [4], "a", "a", ""), ([4], [4, 3], "a", "ab", "b"), ([3, 4], [4], "ba", "a", "b"),
      ([3, 4], [4, 5], "ab", "bc", "ac"), ([6, 3, 4], [4, 5], "dab", "bc", "dac"),
      ([3, 4], [6, 4, 5], "ab", "dbc", "dac"), ([6, 3, 4], [6, 4, 5], "dab", "dbc", "dac"),
      ([4], [6, 4, 5], "b", "dbc", "dc"), ([6, 3, 4], [4], "dab", "b", "da"),
      ([2, 6, 3, 4], [6, 4, 5], "edab", "dbc", "edac"), ([6, 3, 4], [2, 6, 4, 5], "dab", "edbc", "edac"),
    ])
  func matmulEqualsNaive(_ a: [Int], _ b: [Int], _ aLabels: String, _ bLabels: String, _ output: String) {
    var random = NaiveLinearAlgebra(seed: 7)
    let (x, y) = (random.tensor(a), random.tensor(b))
    let expected = NaiveLinearAlgebra.einsum([aLabels, bLabels], output, [x, y])
    let result = matmul(x, y)
    #expect(result.shape == expected.shape)
    #expect(zip(result.doubles, expected.values).allSatisfy { abs($0 - $1) < 1e-12 })
  }

  @Test("matmul broadcasts leading axes of size 1")
  func matmulBroadcasts() {
    var random = NaiveLinearAlgebra(seed: 8)
    let (x, y) = (random.tensor([2, 1, 3, 4]), random.tensor([5, 4, 6]))
    let result = matmul(x, y)
    #expect(result.shape == [2, 5, 3, 6])
    let flat = Tensor(x.doubles, shape: [2, 3, 4])
    let expected = NaiveLinearAlgebra.einsum(["eab", "dbc"], "edac", [flat, y])
    #expect(zip(result.doubles, expected.values).allSatisfy { abs($0 - $1) < 1e-12 })
    #expect(matmul(random.tensor([1, 1, 3, 4]), y).shape == [1, 5, 3, 6])
    #expect(matmul(random.tensor([1, 3, 4]), y).shape == [5, 3, 6])
  }

  @Test("dotGeneral puts batch axes first, then the free axes of each operand")
  func dotGeneralOrder() {
    var random = NaiveLinearAlgebra(seed: 9)
    let (a, b) = (random.tensor([3, 4, 5, 6]), random.tensor([6, 7, 4]))
    let result = dotGeneral(a, b, contracting: ([-1], [0]), batch: ([1], [2]))
    let expected = NaiveLinearAlgebra.einsum(["xbyk", "kzb"], "bxyz", [a, b])
    #expect(result.shape == [4, 3, 5, 7])
    #expect(zip(result.doubles, expected.values).allSatisfy { abs($0 - $1) < 1e-12 })
    let dimensions = DotDimensions(contracting: ([3], [0]), batch: ([1], [2]))
    #expect(dimensions.outputShape(a.shape, b.shape) == [4, 3, 5, 7])
  }

  @Test("a product with itself is exactly symmetric", arguments: [DType.float32, .float64])
  func gramMatrix(_ dtype: DType) {
    var random = NaiveLinearAlgebra(seed: 10)
    let x = random.tensor([150, 40], dtype)
    let gram = dotGeneral(x, x, contracting: ([1], [1]))
    let rows = gram.matrices[0]
    #expect(rows == NaiveLinearAlgebra.transpose(rows))
    let expected = NaiveLinearAlgebra.einsum(["ik", "jk"], "ij", [x, x]).values
    #expect(zip(gram.doubles, expected).allSatisfy { abs($0 - $1) < (dtype == .float32 ? 1e-4 : 1e-12) })
    let columns = dotGeneral(x, x, contracting: ([0], [0])).matrices[0]
    #expect(columns == NaiveLinearAlgebra.transpose(columns))
  }

  @Test("large products and many small ones agree with each other")
  func largeProducts() {
    var random = NaiveLinearAlgebra(seed: 11)
    let a = random.tensor([3, 300, 200])
    let b = random.tensor([3, 200, 250])
    let whole = matmul(a, b).doubles
    for index in 0..<3 {
      let x = Tensor(Array(a.doubles[index * 60000..<(index + 1) * 60000]), shape: [300, 200])
      let y = Tensor(Array(b.doubles[index * 50000..<(index + 1) * 50000]), shape: [200, 250])
      let part = matmul(x, y).doubles
      #expect(zip(part, whole[index * 75000..<(index + 1) * 75000]).allSatisfy { abs($0 - $1) < 1e-11 })
    }
  }

  @Test("mixed element types are promoted, Booleans count, integers wrap around")
  func elementTypes() {
    let mixed = matmul(Tensor([1, 2, 3] as [Float]), Tensor([0.5, 0.25, 2] as [Double]))
    #expect(mixed.dtype == .float64 && mixed.doubles == [7])
    let counted = matmul(Tensor([true, true, false]), Tensor([true, true, true]))
    #expect(counted.dtype == .int32 && counted.doubles == [2])
    let wrapped = matmul(Tensor([Int32.max, 1] as [Int32]), Tensor([1, 1] as [Int32]))
    #expect(wrapped.scalars(as: Int32.self) == [Int32.min])
  }

  @Test("NaN in an operand reaches the result, and only where it should")
  func nanPropagates() {
    let a = Tensor(rows: [[1, .nan], [3, 4]] as [[Double]])
    let result = matmul(a, Tensor([1, 1] as [Double])).doubles
    #expect(result[0].isNaN && result[1] == 7)
  }
}
