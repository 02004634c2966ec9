import CNeuralTangents
import CovarianceEngine
import Networks
import Synchronization
import Tensors

/// An activation whose function and duals another language computes: a number by which that language knows it.
///
/// Nodes of it are good for the process that made them only.
struct ExternalActivation: Activation {
  static let nodeName = "externalActivation"

  let id: Int
  private let hasFunction: Bool
  private let hasDual: Bool
  private let hasDerivativeDual: Bool

  init(from arguments: inout LayerArguments) throws(NetworkError) {
    id = try arguments.integer("id", atLeast: 0)
    hasFunction = try arguments.boolean("hasFunction", default: false)
    hasDual = try arguments.boolean("hasDual", default: false)
    hasDerivativeDual = try arguments.boolean("hasDerivativeDual", default: false)
  }

  func write(to arguments: inout LayerArguments) {
    arguments.set("id", id)
    arguments.set("hasFunction", hasFunction, default: false)
    arguments.set("hasDual", hasDual, default: false)
    arguments.set("hasDerivativeDual", hasDerivativeDual, default: false)
  }

  func function(_ x: Tensor) throws(NetworkError) -> Tensor {
    try require(hasFunction, "fn", "a finite network")
    return try values(NT_FUNCTION, x, [])
  }

  func dual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor {
    try require(hasDual, "nngp_fn", "a kernel")
    return try values(NT_DUAL, q12, [q11, q22])
  }

  func derivativeDual(_ q12: Tensor, _ q11: Tensor, _ q22: Tensor) throws(NetworkError) -> Tensor {
    try require(hasDerivativeDual, "d_nngp_fn", "the tangent kernel (NTK)")
    return try values(NT_DERIVATIVE_DUAL, q12, [q11, q22])
  }

  private func require(_ isThere: Bool, _ name: String, _ use: String) throws(NetworkError) {
    guard isThere else {
      throw NetworkError(path: [.name(name)], expected: "a function: \(use) needs it", found: "none")
    }
  }

  /// What the other language makes of these numbers, element by element.
  private func values(_ part: some BinaryInteger, _ first: Tensor, _ others: [Tensor]) throws(NetworkError) -> Tensor {
    guard !first.isTraced, !others.contains(where: \.isTraced) else {
      throw NetworkError(
        expected: "numbers: a function of another language has no derivative here", found: "a derivative to be taken")
    }
    guard let call = ExternalActivation.callback.withLock({ $0 }) else {
      throw NetworkError(expected: "a function that nt_set_callback was given", found: "none")
    }
    let shape = others.reduce(first) { $0 + $1 }.shape
    let arguments = ([first] + others).map { $0.asType(.float64).broadcast(to: shape) }
    var status: Int32 = 0
    let result = Tensor(shape: shape) { (elements: UnsafeMutableBufferPointer<Double>) in
      let pointers = arguments.map { $0.unsafePointer(to: Double.self) }
      elements.initialize(repeating: 0)
      guard let start = elements.baseAddress, !elements.isEmpty else { return }
      status = call(
        Int64(id), Int32(part), Int64(elements.count), pointers[0], pointers.count > 1 ? pointers[1] : nil,
        pointers.count > 2 ? pointers[2] : nil, start)
    }
    withExtendedLifetime(arguments) {}
    guard status == 0 else {
      throw NetworkError(expected: "a function that gives numbers", found: "an error of it")
    }
    return result.asType(first.dtype)
  }

  static let callback = Mutex<nt_callback?>(nil)
}

@_cdecl("nt_set_callback")
public func setCallback(_ callback: nt_callback?) {
  LayerRegistry.register(ExternalActivation.self)
  ExternalActivation.callback.withLock { $0 = callback }
}
