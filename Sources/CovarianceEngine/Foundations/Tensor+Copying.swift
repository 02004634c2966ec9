import Tensors

extension Tensor {
  /// A tensor of the numbers at `source`.
  init<Scalar: TensorScalar>(copying source: UnsafePointer<Scalar>, shape: [Int]) {
    self.init(shape: shape, of: Scalar.self) { buffer in
      if let target = buffer.baseAddress { target.update(from: source, count: buffer.count) }
    }
  }
}
