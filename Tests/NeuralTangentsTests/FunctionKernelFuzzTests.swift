import Foundation
import NeuralTangents
import Tensors
import Testing

@Suite("Kernels of random functions")
struct FunctionKernelFuzzTests {
  static let seeds = Array(0..<(ProcessInfo.processInfo.environment["FUZZ"] == nil ? 60 : 2000))

  /// The derivatives of one output in all parameters, side by side: shape (outputs…, parameters).
  private func jacobian(_ f: ([Tensor]) throws -> Tensor, at p: [Tensor]) throws -> Tensor {
    let (y, pullback) = try vjp(f, at: p)
    let basis = Tensor.eye(y.count, dtype: y.dtype).reshaped([y.count] + y.shape)
    let rows = try vmap { (cotangent: Tensor) in try pullback(cotangent) }(basis)
    return concatenate(rows.map { $0.reshaped(y.shape + [-1]) }, axis: -1)
  }

  /// Whether axes are traced over, diagonal or in pairs, as einsum says it.
  private func expected(_ j1: Tensor, _ j2: Tensor, _ axes: OutputAxes) -> Tensor {
    var (first, second, result) = ("", "", "")
    for axis in 0..<max(j1.rank, j2.rank) - 1 {
      let a = axis < j1.rank - 1 ? String(UnicodeScalar(UInt8(97 + axis))) : ""
      let b = axis < j2.rank - 1 ? String(UnicodeScalar(UInt8(107 + axis))) : ""
      let isTrace = axes.trace.contains(axis)
      let isShared = isTrace || axes.diagonal.contains(axis)
      first += a
      second += isShared ? a : b
      result += isTrace ? "" : isShared ? a : a + b
    }
    let count = axes.trace.map { j1.shape[$0] }.product
    return einsum("\(first)z,\(second)z->\(result)", j1, j2) / Double(count)
  }

  @Test("every implementation, in blocks of any size, is the product of explicit derivatives", arguments: seeds)
  func implementations(seed: Int) throws {
    var f = RandomFunction(seed: seed)
    let p = f.parameters
    let isSame = f.chance(0.5)
    let x1 = gaussianInputs([3] + f.inputShape, seed: seed)
    let x2 = isSame ? x1 : gaussianInputs([2] + f.inputShape, seed: seed + 1)
    let outputs = f(p, x1).count
    let note = "seed \(seed): \(f.names)"
    for output in 0..<outputs {
      let rank = f(p, x1)[output].rank
      var axes = OutputAxes(trace: [], diagonal: [])
      for axis in 0..<rank where axis > 0 || isSame {
        switch f.integer(0...2) {
        case 0: axes.trace.append(axis)
        case 1: axes.diagonal.append(axis)
        default: break
        }
      }
      let function = f
      let j1 = try jacobian({ (p: [Tensor]) in function(p, x1)[output] }, at: p)
      let j2 = isSame ? j1 : try jacobian({ (p: [Tensor]) in function(p, x2)[output] }, at: p)
      let wanted = expected(j1, j2, axes)
      let scale = max(1e-12, abs(wanted).max().scalar(as: Double.self))
      for implementation in EmpiricalImplementation.allCases {
        for mapping in f.mixesInputs ? [InputMapping.together] : [.together, .each()] {
          let memory = f.choose([1, 20_000, 1 << 30])
          let options = EmpiricalOptions(axes: axes, implementation: implementation, inputs: mapping, memory: memory)
          let found = try empiricalNTK(
            of: { function($0, $1)[output] }, at: p, x1, isSame ? nil : x2, options: options)
          let error = found.shape == wanted.shape ? largestError(found, wanted, relativeTo: scale) : .infinity
          #expect(error < 1e-10, "\(note), output \(output), \(axes), \(implementation), \(mapping), \(memory) bytes")
        }
      }
    }
  }

  @Test("several outputs have kernels of their own and between each other", arguments: seeds.prefix(200))
  func severalOutputs(seed: Int) throws {
    let f = RandomFunction(seed: seed)
    let (p, x1, x2) = (
      f.parameters, gaussianInputs([3] + f.inputShape, seed: seed), gaussianInputs([2] + f.inputShape, seed: seed + 1)
    )
    let kernels = EmpiricalKernelFunction(of: { f($0, $1) }, options: EmpiricalOptions(axes: .init(trace: [])))
    let cross = try kernels.ntkBetweenOutputs(at: p, x1, x2)
    let own = try kernels.ntk(at: p, x1, x2)
    for a in f(p, x1).indices {
      for b in f(p, x2).indices {
        let j1 = try jacobian({ (p: [Tensor]) in f(p, x1)[a] }, at: p)
        let j2 = try jacobian({ (p: [Tensor]) in f(p, x2)[b] }, at: p)
        let wanted = expected(j1, j2, OutputAxes(trace: []))
        let scale = max(1e-12, abs(wanted).max().scalar(as: Double.self))
        #expect(cross[a][b].shape == wanted.shape)
        #expect(largestError(cross[a][b], wanted, relativeTo: scale) < 1e-10, "seed \(seed), \(f.names)")
        if a == b { #expect(largestError(own[a], wanted, relativeTo: scale) < 1e-10, "seed \(seed), \(f.names)") }
      }
    }
  }
}
