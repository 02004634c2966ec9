import Tensors

/// The variances of one data set carried through a fused plan, and the per-input factors that rows of tiles need.
///
/// This is per-input work: its memory is a few numbers per input and layer. It runs the very vector loops that rows run,
/// so that the covariance of two equal inputs stays bitwise equal to their variance in every layer.
struct SelfCovariances<Scalar: LoopScalar>: @unchecked Sendable {
  let count: Int
  /// `count` rounded up for the vector kernels; arrays are this far apart. Entries past `count` hold harmless ones.
  let stride: Int
  private let factorStorage: Scratch<Scalar>
  /// Variances of the inputs, one array per input of the program, and their square roots.
  private let inputStorage: Scratch<Scalar>
  /// Variances, then Θ of every input with itself, per output.
  private let outputStorage: Scratch<Scalar>

  func factors(_ index: Int) -> UnsafePointer<Scalar> { UnsafePointer(factorStorage.pointer + index * stride) }
  func inputVariances(_ input: Int) -> UnsafePointer<Scalar> {
    UnsafePointer(inputStorage.pointer + 2 * input * stride)
  }
  func inputRoots(_ input: Int) -> UnsafePointer<Scalar> {
    UnsafePointer(inputStorage.pointer + (2 * input + 1) * stride)
  }
  func outputVariances(_ output: Int) -> UnsafePointer<Scalar> {
    UnsafePointer(outputStorage.pointer + 2 * output * stride)
  }
  func outputThetas(_ output: Int) -> UnsafePointer<Scalar> {
    UnsafePointer(outputStorage.pointer + (2 * output + 1) * stride)
  }

  /// 1/√v, and 0 for a variance of 0: nothing divided by nothing stays nothing.
  private static func inverseRoot(_ variance: Double) -> Scalar {
    variance == 0 ? 0 : Scalar(1 / variance.squareRoot())
  }

  /// - Parameters:
  ///   - variances: per input of the program, the variances of the `count` inputs.
  ///   - thetas: per input of the program, Θ of every input with itself; nil where there is none yet.
  init(_ plan: RowPlan, count: Int, variances: [Tensor], thetas: [Tensor?]) throws(NetworkError) {
    self.count = count
    let padded = (count + 15) / 16 * 16
    // Caches would map all factors of an input to one place if they stood a power of two apart.
    let stride = padded.isMultiple(of: 256) ? padded + 16 : padded
    self.stride = stride
    factorStorage = Scratch(max(1, plan.factorCount) * stride)
    inputStorage = Scratch(2 * plan.inputCount * stride)
    outputStorage = Scratch(2 * plan.outputs.count * stride)

    let registers = Scratch<Scalar>(2 * plan.registerCount * stride)
    func k(_ register: Int) -> UnsafeMutablePointer<Scalar> { registers.pointer + 2 * register * stride }
    func theta(_ register: Int) -> UnsafeMutablePointer<Scalar> { registers.pointer + (2 * register + 1) * stride }
    func theta(_ register: Int, _ tangent: Tangent) -> UnsafeMutablePointer<Scalar>? {
      tangent == .given ? theta(register) : nil
    }
    for register in 0..<2 * plan.registerCount * stride { registers.pointer[register] = 1 }

    for input in 0..<plan.inputCount {
      variances[input].asType(Scalar.dtype).withUnsafeBuffer(of: Scalar.self) { buffer in
        for (index, value) in buffer.enumerated() { k(input)[index] = value }
      }
      thetas[input]?.asType(Scalar.dtype).withUnsafeBuffer(of: Scalar.self) { buffer in
        for (index, value) in buffer.enumerated() { theta(input)[index] = value }
      }
      for index in 0..<stride {
        inputStorage.pointer[2 * input * stride + index] = k(input)[index]
        inputStorage.pointer[(2 * input + 1) * stride + index] = k(input)[index].squareRoot()
      }
    }

    for instruction in plan.instructions {
      switch instruction {
      case .copy(let from, let to, let tangent):
        k(to).update(from: k(from), count: stride)
        if tangent == .given { theta(to).update(from: theta(from), count: stride) }
      case .affine(let register, let rule, let tangent):
        Scalar.affine(rule, stride, tangent, k(register), theta(register))
      case .dual(let register, let routine, let factor, let tangent):
        let factors = factorStorage.pointer + factor * stride
        switch routine {
        case .vector(let dual):
          Scalar.factors(dual, stride, k(register), factors, stride: stride)
          Scalar.dualDiagonal(dual, stride, factors, stride: stride, k(register), theta(register, tangent))
        case .tensor(let index):
          let activation = plan.activations[index]
          factors.update(from: k(register), count: stride)
          let q = Tensor(copying: k(register), shape: [stride])
          if tangent == .given {
            try theta(register).multiply(by: activation.derivativeDual(q, q, q), count: stride)
          }
          try k(register).update(from: activation.varianceDual(q), count: stride)
        }
      case .normalize(let register, let epsilon, let overBatch, let factor, let tangent):
        let factors = factorStorage.pointer + factor * stride
        if overBatch {
          var total = 0.0
          for index in 0..<count { total += Double(k(register)[index]) }
          let value = Self.inverseRoot(total / Double(count) + epsilon)
          for index in 0..<stride { factors[index] = value }
        } else {
          for index in 0..<stride { factors[index] = Self.inverseRoot(Double(k(register)[index]) + epsilon) }
        }
        Scalar.scaleDiagonal(stride, factors, k(register), theta(register, tangent))
      case .dropout(let register, let keepRate, let tangent):
        let scale = Scalar(1 / keepRate)
        for index in 0..<stride {
          k(register)[index] *= scale
          if tangent == .given { theta(register)[index] *= scale }
        }
      case .combine(let into, let from, let combination, let intoTangent, let fromTangent):
        Scalar.combine(
          combination, stride, intoTangent, k(into), theta(into, max(intoTangent, fromTangent)),
          k(from), theta(from, fromTangent).map { UnsafePointer($0) })
      }
    }

    for (output, location) in plan.outputs.enumerated() {
      (outputStorage.pointer + 2 * output * stride).update(from: k(location.register), count: stride)
      let target = outputStorage.pointer + (2 * output + 1) * stride
      if location.tangent == .given {
        target.update(from: theta(location.register), count: stride)
      } else {
        target.update(repeating: 0, count: stride)
      }
    }
  }
}

/// Memory for numbers, aligned for the vector kernels, freed with its owner; a tensor's, which is reused.
final class Scratch<Scalar: LoopScalar>: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<Scalar>
  private let memory: Tensor

  init(_ count: Int) {
    var start: UnsafeMutablePointer<Scalar>?
    memory = Tensor(shape: [max(1, count)], of: Scalar.self) { start = $0.baseAddress }
    guard let start else { preconditionFailure("a tensor without memory") }
    pointer = start
  }
}

extension UnsafeMutablePointer where Pointee: LoopScalar {
  func update(from tensor: Tensor, count: Int) {
    tensor.withUnsafeBuffer(of: Pointee.self) { buffer in
      precondition(buffer.count == count, "a dual of \(count) entries gave \(tensor.shape)")
      if let source = buffer.baseAddress { update(from: source, count: count) }
    }
  }

  func multiply(by tensor: Tensor, count: Int) {
    tensor.withUnsafeBuffer(of: Pointee.self) { buffer in
      precondition(buffer.count == count, "a derivative dual of \(count) entries gave \(tensor.shape)")
      for index in 0..<count { self[index] *= buffer[index] }
    }
  }
}
