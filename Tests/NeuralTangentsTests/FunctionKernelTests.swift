import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("Kernels of any function")
struct FunctionKernelTests {
  /// Numbers nested to any depth.
  private enum Nested: Decodable {
    case number(Double)
    case list([Nested])

    init(from decoder: any Decoder) throws {
      if let number = try? decoder.singleValueContainer().decode(Double.self) {
        self = .number(number)
      } else {
        self = .list(try decoder.singleValueContainer().decode([Nested].self))
      }
    }

    var shape: [Int] {
      if case .list(let list) = self { [list.count] + (list.first?.shape ?? []) } else { [] }
    }
    var numbers: [Double] {
      switch self {
      case .number(let number): [number]
      case .list(let list): list.flatMap(\.numbers)
      }
    }
    var tensor: Tensor { Tensor(numbers, shape: shape) }
  }

  private struct Golden: Decodable {
    struct Inputs: Decodable {
      struct Perceptron: Decodable {
        var x1: Nested
        var x2: Nested
        var parameters: [Nested]
      }
      struct Convolutional: Decodable {
        var x1: Nested
        var x2: Nested
        var parameters: [String: Nested]
      }
      var mlp: Perceptron
      var conv: Convolutional
    }
    struct Case: Decodable {
      var function: String
      var traceAxes: [Int]
      var diagonalAxes: [Int]
      var nngp: Nested
      var ntk: Nested
      var shape: [Int]
    }
    struct Product: Decodable {
      var vector: Nested
      var result: Nested
    }
    var empiricalInputs: Inputs
    var empirical: [Case]
    var ntkVectorProduct: Product
  }

  private let golden: Golden

  init() throws { golden = try loadFixture("empirical-functions") }

  /// Two dense layers in NTK parameterization.
  @Sendable private static func perceptron(_ p: [Tensor], _ x: Tensor) -> Tensor {
    func dense(_ x: Tensor, _ w: Tensor, _ b: Tensor, _ weightStd: Double, _ biasStd: Double) -> Tensor {
      matmul(x, w) * (weightStd / Double(w.shape[0]).squareRoot()) + b * biasStd
    }
    return dense(erf(dense(x, p[0], p[1], 1.5, 0.5)), p[2], p[3], 1.2, 0.3)
  }

  /// Convolutions whose bias is used twice: parameters w, s, b, w2.
  @Sendable private static func convolutional(_ p: [Tensor], _ x: Tensor) -> Tensor {
    let same = ConvolutionGeometry(inputSize: [x.shape[1]], window: [3], paddingLow: [1], paddingHigh: [1])
    let h = tanh(convolution(x, p[0], same) * p[1] + p[2])
    let strided = ConvolutionGeometry(inputSize: [h.shape[1]], window: [2], strides: [2])
    return convolution(h, p[3], strided) * p[2][0]
  }

  private func inputs(_ name: String) -> (
    f: @Sendable ([Tensor], Tensor) -> Tensor, p: [Tensor], x1: Tensor, x2: Tensor?
  ) {
    if name == "conv" {
      let conv = golden.empiricalInputs.conv
      let p = ["w", "s", "b", "w2"].compactMap { conv.parameters[$0]?.tensor }
      return (Self.convolutional, p, conv.x1.tensor, conv.x2.tensor)
    }
    let mlp = golden.empiricalInputs.mlp
    return (Self.perceptron, mlp.parameters.map(\.tensor), mlp.x1.tensor, name == "mlp-self" ? nil : mlp.x2.tensor)
  }

  private func largest(_ a: Tensor, _ b: [Double]) -> Double {
    a.count == b.count
      ? zip(a.scalars(as: Double.self), b).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? 0 : .infinity
  }

  @Test(
    "kernels with all choices of axes are those of an independent library, by every method",
    arguments: EmpiricalImplementation.allCases)
  func goldens(_ implementation: EmpiricalImplementation) throws {
    #expect(golden.empirical.count == 11)
    for example in golden.empirical {
      let (f, p, x1, x2) = inputs(example.function)
      let axes = OutputAxes(trace: example.traceAxes, diagonal: example.diagonalAxes)
      // The library printed twelve digits.
      for mapping in [InputMapping.detected, .together, .each()] {
        for memory in [1 << 30, 1] {
          let options = EmpiricalOptions(axes: axes, implementation: implementation, inputs: mapping, memory: memory)
          let nngp = try empiricalNNGP(of: f, at: p, x1, x2, options: options)
          let ntk = try empiricalNTK(of: f, at: p, x1, x2, options: options)
          #expect(nngp.shape == example.shape && ntk.shape == example.shape)
          let errors = (largest(nngp, example.nngp.numbers), largest(ntk, example.ntk.numbers))
          #expect(errors.0 < 4e-12 && errors.1 < 4e-12, "\(errors) \(example.function) \(axes) \(mapping) \(memory)")
        }
      }
    }
  }

  @Test("the operator multiplies vectors as the kernel does, and its transpose is one")
  func products() throws {
    let (f, p, x1, x2) = inputs("conv")
    let tangents = try EmpiricalTangentOperator(of: f, at: p, x1, x2)
    let found = try tangents(golden.ntkVectorProduct.vector.tensor)
    #expect(largest(found, golden.ntkVectorProduct.result.numbers) < 1e-11)
    let shape = f(p, x1).shape
    let u = RandomKey(seed: 1).normal(shape, dtype: .float64)
    let back = try tangents.transposed(u)
    let (left, right) = (
      (found * u).sum().scalar(as: Double.self),
      (back * golden.ntkVectorProduct.vector.tensor).sum().scalar(as: Double.self)
    )
    #expect(abs(left - right) < 1e-10 * abs(left))
    #expect(throws: NetworkError.self) { try tangents(u.reshaped([u.count])) }
  }

  @Test("the kernel of a network is that of its outputs as a function, and is a function that has derivatives")
  func networks() throws {
    let network = Serial {
      Dense(7, weightStd: 1.4, biasStd: 0.2); Relu(); Dense(3)
    }
    let (x1, x2) = (gaussianInputs([4, 3], seed: 1), gaussianInputs([2, 3], seed: 2))
    let parameters = try network.initialize(RandomKey(seed: 5), inputShape: [4, 3], dtype: .float64)
    let f = { (p: Parameters, x: Tensor) in try network(p, x) }
    let expected = try empiricalKernel(of: network, at: parameters, x1, x2)
    #expect(largest(try empiricalNNGP(of: f, at: parameters, x1, x2), expected.nngp.scalars(as: Double.self)) < 1e-12)
    let ntk = try empiricalNTK(of: f, at: parameters, x1, x2)
    #expect(largest(ntk, try #require(expected.ntk).scalars(as: Double.self)) < 1e-12)
    let smooth = Serial {
      Dense(7); Erf(); Dense(2)
    }
    let weights = try smooth.initialize(RandomKey(seed: 6), inputShape: [4, 3], dtype: .float64)
    let error = try largestDerivativeError(
      { x in try empiricalNTK(of: { try smooth($0, $1) }, at: weights, x, x2).sum() }, at: x1,
      along: gaussianInputs([4, 3], seed: 7))
    #expect(error < 1e-6)
  }

  @Test(
    "trees of inputs, parameters without derivatives or without use, and outputs that are parameters",
    arguments: EmpiricalImplementation.allCases)
  func trees(_ implementation: EmpiricalImplementation) throws {
    let options = EmpiricalOptions(axes: .init(trace: []), implementation: implementation)
    let p = [Tensor([2.0, 3.0]), Tensor([Int32(1), 2]), Tensor([5.0])]
    let f = { (p: [Tensor], x: [Tensor]) -> Tensor in x[0] * p[0][0] + x[1] * p[0][1] }
    let x = [Tensor([1.0, 2, 3]), Tensor([4.0, 5, 6])]
    let kernel = try empiricalNTK(of: f, at: p, x, options: options)
    #expect(kernel.shape == [3, 3] && abs(kernel[1, 2].scalar(as: Double.self) - (2 * 3 + 5 * 6)) < 1e-12)
    let own = try empiricalNTK(
      of: { (p: [Tensor], _: Tensor) in p[0] }, at: p, x[0], options: options)
    #expect(own.scalars(as: Double.self) == [1, 0, 0, 1])
    let none = try empiricalNTK(
      of: { (_: [Tensor], x: Tensor) in x }, at: [], x[0], options: options)
    #expect(none.shape == [3, 3] && none.scalars(as: Double.self).allSatisfy { $0 == 0 })
  }

  @Test("axes that contradict each other or do not exist, and sizes that differ, are errors")
  func mistakes() throws {
    let (f, p, x1, x2) = inputs("mlp")
    func message(_ axes: OutputAxes) -> String {
      do {
        _ = try empiricalNTK(of: f, at: p, x1, x2, options: .init(axes: axes))
        return "no error"
      } catch {
        return "\(error)"
      }
    }
    #expect(message(.init(trace: [1], diagonal: [-1])).contains("axis 1 as both"))
    #expect(message(.init(trace: [2])).contains("axes.trace: expected different axes of outputs of shape [3, 3]"))
    #expect(message(.init(trace: [1, -1])).contains("axes.trace"))
    #expect(message(.init(trace: [], diagonal: [0])).contains("equal sizes along trace and diagonal axes"))
  }
}
