import Foundation
import TestSupport
import Testing

@testable import Tensors

@Suite("Elementwise operations")
struct ElementwiseTests {
  static let shapePairs: [([Int], [Int])] = [
    ([], []), ([], [3]), ([3], [1]), ([0], [1]), ([0, 3], [1, 3]), ([2, 0], []), ([5], [5]), ([7, 5], [5]),
    ([7, 1], [1, 5]), ([7, 5], [7, 1]), ([4, 1, 3], [2, 1]), ([2, 3, 4], [3, 1]), ([5, 1, 2, 1], [3, 1, 4]),
    ([3, 1, 5, 1, 2], [1, 4, 1, 6, 2]), ([2, 33], [33]), ([129], [129]), ([1, 1], [1, 1]), ([2, 67, 3], [2, 67, 1]),
  ]

  @Test("arithmetic broadcasts like index arithmetic", arguments: shapePairs, [DType.float32, .float64, .int32])
  func arithmetic(_ shapes: ([Int], [Int]), _ dtype: DType) {
    var numbers = TestNumbers(seed: 1)
    let (x, y) = (numbers.naive(shapes.0, dtype), numbers.naive(shapes.1, dtype))
    let (a, b) = (x.tensor(dtype), y.tensor(dtype))
    let shape = NaiveTensor.broadcastShape([x.shape, y.shape])
    func expected(_ f: (Double, Double) -> Double) -> NaiveTensor {
      let result = NaiveTensor(shape) { f(x.broadcastElement($0), y.broadcastElement($0)) }
      return NaiveTensor(result.tensor(dtype))
    }
    expectSame(a + b, expected(+), "+")
    expectSame(a - b, expected(-), "-")
    expectSame(a * b, expected(*), "*")
    expectSame(minimum(a, b), expected { Swift.min($0, $1) }, "minimum")
    expectSame(maximum(a, b), expected { Swift.max($0, $1) }, "maximum")
    expectSame(
      a / b, NaiveTensor(shape) { x.broadcastElement($0) / y.broadcastElement($0) },
      relative: dtype == .float64 ? 0 : 1e-7, "/")
    #expect((a / b).dtype == (dtype == .int32 ? .float32 : dtype))
    if dtype != .int32 {
      let eps = dtype == .float32 ? 2e-7 : 4e-16
      expectSame(
        pow(abs(a), b),
        NaiveTensor(shape) { Foundation.pow(Swift.abs(x.broadcastElement($0)), y.broadcastElement($0)) },
        relative: eps, "pow")
      expectSame(
        atan2(a, b), NaiveTensor(shape) { Foundation.atan2(x.broadcastElement($0), y.broadcastElement($0)) },
        relative: eps, "atan2")
    }
  }

  @Test("comparisons broadcast like index arithmetic", arguments: shapePairs, DType.allCases)
  func comparisons(_ shapes: ([Int], [Int]), _ dtype: DType) {
    var numbers = TestNumbers(seed: 2)
    let source: DType = dtype == .bool ? .bool : .int32
    let (x, y) = (numbers.naive(shapes.0, source), numbers.naive(shapes.1, source))
    let (a, b) = (x.tensor(dtype), y.tensor(dtype))
    func check(_ found: Tensor, _ f: (Double, Double) -> Bool, _ name: String) {
      #expect(found.dtype == .bool)
      expectSame(
        found,
        NaiveTensor(NaiveTensor.broadcastShape([x.shape, y.shape])) {
          f(x.broadcastElement($0), y.broadcastElement($0)) ? 1 : 0
        }, name)
    }
    check(a .< b, { $0 < $1 }, "<")
    check(a .<= b, { $0 <= $1 }, "<=")
    check(a .== b, { $0 == $1 }, "==")
    check(a .!= b, { $0 != $1 }, "!=")
    check(a .>= b, { $0 >= $1 }, ">=")
    check(a .> b, { $0 > $1 }, ">")
  }

  static let shapeTriples: [[[Int]]] = [
    [[], [], []], [[3], [], [3]], [[2, 1], [1, 3], []], [[4, 5], [5], [4, 1]], [[3, 1, 1], [1, 4, 1], [1, 1, 5]],
    [[0, 2], [1], [2]], [[70], [70], [70]], [[], [70], []], [[], [], [70]], [[2, 3, 4], [3, 1], [2, 1, 4]],
  ]

  @Test("selection and multiply-add broadcast their three operands", arguments: shapeTriples, DType.allCases)
  func threeOperands(_ shapes: [[Int]], _ dtype: DType) {
    var numbers = TestNumbers(seed: 3)
    let mask = numbers.naive(shapes[0], .bool)
    let (x, y, z) = (
      numbers.naive(shapes[0], dtype), numbers.naive(shapes[1], dtype), numbers.naive(shapes[2], dtype)
    )
    let shape = NaiveTensor.broadcastShape(shapes)
    expectSame(
      select(mask.tensor(.bool), y.tensor(dtype), z.tensor(dtype)),
      NaiveTensor(shape) { mask.broadcastElement($0) != 0 ? y.broadcastElement($0) : z.broadcastElement($0) }, "select")
    expectSame(
      multiplyAdd(x.tensor(dtype), y.tensor(dtype), z.tensor(dtype)),
      NaiveTensor(shape) { x.broadcastElement($0) * y.broadcastElement($0) + z.broadcastElement($0) },
      absolute: dtype == .float32 ? 2e-6 : dtype == .float64 ? 4e-15 : 0, "multiplyAdd")
  }

  @Test("broadcasting of large operands is the same on any number of threads", arguments: [DType.float32, .float64])
  func largeBroadcasts(_ dtype: DType) {
    var numbers = TestNumbers(seed: 4)
    for shapes in [([300, 700], [700]), ([300, 700], [300, 1]), ([3, 70000], [3, 1]), ([30, 1, 100], [80, 1])] {
      let (x, y) = (numbers.naive(shapes.0, dtype), numbers.naive(shapes.1, dtype))
      let shape = NaiveTensor.broadcastShape([x.shape, y.shape])
      let expected = NaiveTensor(
        NaiveTensor(shape) { x.broadcastElement($0) - y.broadcastElement($0) }.tensor(dtype))
      withThreadCounts([1, 2, 5]) { count in
        expectSame(x.tensor(dtype) - y.tensor(dtype), expected, "\(shapes) on \(count) threads")
      }
    }
  }

  @Test("no length of the last vector goes wrong", arguments: [DType.float32, .float64])
  func tails(_ dtype: DType) {
    var numbers = TestNumbers(seed: 5)
    for count in 0...70 {
      let (x, y) = (numbers.naive([count], dtype), numbers.naive([count], dtype))
      let (a, b) = (x.tensor(dtype), y.tensor(dtype))
      let eps = dtype == .float32 ? 2e-7 : 4e-16
      expectSame(exp(a), NaiveTensor([count]) { Foundation.exp(x[$0]) }, relative: eps, "exp of \(count)")
      expectSame(
        pow(2, b), NaiveTensor([count]) { Foundation.pow(2, y[$0]) }, relative: eps, "pow of \(count)")
      expectSame(a * 2 + b, NaiveTensor(NaiveTensor([count]) { 2 * x[$0] + y[$0] }.tensor(dtype)), "2a + b of \(count)")
    }
  }

  @Test("element types promote bool < int32 < float32 < float64", arguments: DType.allCases, DType.allCases)
  func promotion(_ first: DType, _ second: DType) {
    let order: [DType] = [.bool, .int32, .float32, .float64]
    let (x, y) = (Tensor.ones([2], dtype: first), Tensor.ones([2], dtype: second))
    let larger = order[Swift.max(order.firstIndex(of: first) ?? 0, order.firstIndex(of: second) ?? 0)]
    #expect((x + y).dtype == (larger == .bool ? .int32 : larger))
    expectSame(x + y, NaiveTensor([2]) { _ in 2 })
    #expect((x / y).dtype == (larger == .float64 ? .float64 : .float32))
    #expect(maximum(x, y).dtype == larger)
    #expect(select(Tensor([true, false]), x, y).dtype == larger)
    #expect(exp(x).dtype == (first == .float64 ? .float64 : .float32))
    #expect((x * 2).dtype == (first == .bool ? .int32 : first))
  }

  @Test("a number takes the tensor's element type, and comparison with a fraction is exact")
  func scalars() {
    let x = Tensor([1, 2, 3] as [Int32])
    expectSame(x * 2 - 1, NaiveTensor([3]) { Double(2 * $0[0] + 1) })
    expectSame(x .> 1.5, NaiveTensor([3]) { $0[0] >= 1 ? 1 : 0 })
    expectSame(5 - x, NaiveTensor([3]) { Double(4 - $0[0]) })
    expectSame(1 / x.asType(.float64), NaiveTensor([3]) { 1 / Double($0[0] + 1) })
    expectSame(-x, NaiveTensor([3]) { -Double($0[0] + 1) })
    expectSame(clip(x, 2, 2), NaiveTensor([3]) { _ in 2 })
  }

  @Test("integers wrap around")
  func integerOverflow() {
    let x = Tensor([Int32.max, .min, 46341, -3])
    #expect((x + 1).scalars(as: Int32.self) == [.min, .min + 1, 46342, -2])
    #expect((x * x).scalars(as: Int32.self) == [1, 0, -2_147_479_015, 9])
    #expect((-x).scalars(as: Int32.self) == [-.max, .min, -46341, 3])
    #expect(abs(x).scalars(as: Int32.self) == [.max, .min, 46341, 3])
    #expect(
      pow(Tensor([3, -2, 0, 2, -1, 1] as [Int32]), Tensor([4, 3, 0, -1, -3, -5] as [Int32])).scalars(as: Int32.self)
        == [81, -8, 1, 0, -1, 1])
    #expect(sign(x).scalars(as: Int32.self) == [1, -1, 1, -1])
  }

  @Test("conversions saturate, truncate and keep", arguments: [DType.float32, .float64])
  func conversions(_ dtype: DType) {
    let values: [Double] = [
      0, -0.0, 1.9, -1.9, 3e9, -3e9, .infinity, -.infinity, .nan, 2_147_483_520, 0.5, -2_147_483_648, 7,
    ]
    let x = NaiveTensor([values.count]) { values[$0[0]] }.tensor(dtype)
    #expect(
      x.asType(.int32).scalars(as: Int32.self) == [
        0, 0, 1, -1, .max, .min, .max, .min, 0, 2_147_483_520, 0, .min, 7,
      ])
    #expect(
      x.asType(.bool).scalars(as: Bool.self) == values.map { $0 != 0 })
    #expect(Tensor([true, false]).asType(dtype) == NaiveTensor([2]) { $0[0] == 0 ? 1 : 0 }.tensor(dtype))
    let integers = Tensor([Int32.max, .min, 16_777_217, 5])
    expectSame(
      integers.asType(.float64), NaiveTensor([4]) { [2_147_483_647, -2_147_483_648, 16_777_217, 5][$0[0]] })
    #expect(integers.asType(.float32).scalars(as: Float.self) == [2_147_483_648, -2_147_483_648, 16_777_216, 5])
    #expect(Tensor(1e300).asType(.float32).scalar(as: Float.self) == .infinity)
    for count in 0...40 {
      let y = NaiveTensor([count]) { Double($0[0] % 3) - 0.75 }
      for target in DType.allCases {
        let expected = NaiveTensor([count]) {
          target == .int32 ? y[$0].rounded(.towardZero) : target == .bool ? (y[$0] == 0 ? 0 : 1) : y[$0]
        }
        expectSame(y.tensor(dtype).asType(target), expected, "\(dtype) to \(target)")
      }
    }
  }

  @Test("NaN and infinities go through arithmetic as IEEE 754 says", arguments: [DType.float32, .float64])
  func nonFinite(_ dtype: DType) {
    let specials: [Double] = [.nan, .infinity, -.infinity, 0, -0.0, 1, -2]
    let x = NaiveTensor([7, 1]) { specials[$0[0]] }
    let y = NaiveTensor([7]) { specials[$0[0]] }
    let (a, b) = (x.tensor(dtype), y.tensor(dtype))
    func expected(_ f: (Double, Double) -> Double) -> NaiveTensor {
      NaiveTensor([7, 7]) { f(specials[$0[0]], specials[$0[1]]) }
    }
    expectSame(a + b, expected(+))
    expectSame(a * b, expected(*))
    expectSame(a / b, expected(/))
    expectSame(minimum(a, b), expected { $0.isNaN || $1.isNaN ? .nan : Swift.min($0, $1) })
    expectSame(maximum(a, b), expected { $0.isNaN || $1.isNaN ? .nan : Swift.max($0, $1) })
    expectSame(a .== b, expected { $0 == $1 ? 1 : 0 })
    expectSame(a .!= b, expected { $0 != $1 ? 1 : 0 })
    expectSame(a .<= b, expected { $0 <= $1 ? 1 : 0 })
    expectSame(pow(a, b), expected { Foundation.pow($0, $1) })
    expectSame(atan2(a, b), expected { Foundation.atan2($0, $1) }, relative: 1e-6)
    expectSame(isNaN(b), NaiveTensor([7]) { specials[$0[0]].isNaN ? 1 : 0 })
    expectSame(isFinite(b), NaiveTensor([7]) { specials[$0[0]].isFinite ? 1 : 0 })
    expectSame(isInfinite(b), NaiveTensor([7]) { specials[$0[0]].isInfinite ? 1 : 0 })
    expectSame(sign(b), NaiveTensor([7]) { [.nan, 1, -1, 0, 0, 1, -1][$0[0]] })
    #expect(isNaN(Tensor([1] as [Int32])) == Tensor([false]))
    #expect(isFinite(Tensor([1] as [Int32])) == Tensor([true]))
  }

  @Test("logic on bools")
  func logic() {
    let (a, b) = (Tensor([true, true, false, false]), Tensor([true, false, true, false]))
    #expect((a .& b).scalars(as: Bool.self) == [true, false, false, false])
    #expect((a .| b).scalars(as: Bool.self) == [true, true, true, false])
    #expect((a .^ b).scalars(as: Bool.self) == [false, true, true, false])
    #expect((.!a).scalars(as: Bool.self) == [false, false, true, true])
  }

  @Test("an operation writes to the memory of an operand that nothing else refers to")
  func reuse() {
    func address(_ x: Tensor) -> UnsafeMutableRawPointer { x.storage.bytes }
    var x = Tensor(repeating: 2, shape: [100])
    var place = address(x)
    x += 1
    #expect(address(x) == place)
    x *= Tensor(repeating: 3, shape: [100])
    #expect(address(x) == place)
    x /= Tensor(repeating: 3, shape: [1])
    #expect(address(x) == place)
    let shared = x
    x -= 1
    #expect(address(x) != place)
    expectSame(shared, NaiveTensor([100]) { _ in 3 })
    expectSame(x, NaiveTensor([100]) { _ in 2 })
    place = address(x)
    let y = sqrt(exp(consume x) + 1)
    #expect(address(y) == place)
    let twice = y + y
    #expect(address(twice) != place)
    x = twice
    place = address(x)
    x += x
    #expect(address(x) != place)
    var z = Tensor.ones([4, 3])
    place = address(z)
    z = multiplyAdd(consume z, Tensor.ones([3]), Tensor.ones([4, 1]))
    #expect(address(z) == place)
    expectSame(z, NaiveTensor([4, 3]) { _ in 2 })
    z = select(Tensor([true, false, true]), consume z, 5)
    #expect(address(z) == place)
    // A second reference through a reshaped tensor counts too.
    let view = z.reshaped(12)
    z += 1
    expectSame(view, NaiveTensor([12]) { $0[0] % 3 == 1 ? 5 : 2 })
  }

  @Test("in-place operations keep the element type and take broadcast operands")
  func inPlace() {
    var x = Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
    x += Tensor([10, 20] as [Double])
    #expect(x.dtype == .float32)
    expectSame(x, NaiveTensor([2, 2]) { [[11, 22], [13, 24]][$0[0]][$0[1]] })
    x -= 1
    x /= 2
    expectSame(x, NaiveTensor([2, 2]) { [[5, 10.5], [6, 11.5]][$0[0]][$0[1]] })
  }

  @Test("equality compares type, shape and elements; allClose has tolerances")
  func equality() {
    let x = Tensor([1, 2, .nan] as [Double])
    #expect(x != x)
    #expect(Tensor([1, 2] as [Float]) == Tensor([1, 2] as [Float]))
    #expect(Tensor([1, 2] as [Float]) != Tensor([1, 2] as [Double]))
    #expect(Tensor([1, 2] as [Float]) != Tensor([1, 2] as [Float], shape: [1, 2]))
    #expect(Tensor.zeros([0, 2]) == Tensor.zeros([0, 2]))
    #expect(allClose(x, x + 1e-9, equalNaN: true))
    #expect(!allClose(x, x))
    #expect(!allClose(Tensor(1.0), Tensor(1.1)))
    #expect(allClose(Tensor(Double.infinity), Tensor(Double.infinity)))
    #expect(!allClose(Tensor(1.0), Tensor(Double.infinity)))
    #expect(!allClose(Tensor(-Double.infinity), Tensor(Double.infinity)))
    #expect(!allClose(Tensor.zeros([2]), Tensor.zeros([3])))
  }
}
