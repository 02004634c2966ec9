/// An n-dimensional array with a run-time element type: row-major, contiguous, a value.
///
/// Copies share memory until one of them is written to. Operations are free functions and operators in `Operations/`;
/// all of them come down to one `Primitive`, which a traced tensor records in a `Program` instead of computing.
public struct Tensor: Sendable {
  public let dtype: DType
  /// Size along each axis; empty for a scalar.
  public let shape: [Int]
  package var storage: TensorStorage

  init(shape: [Int], dtype: DType, storage: TensorStorage) {
    assert(storage.traced != nil || storage.byteCount >= shape.product * dtype.byteCount)
    self.shape = shape
    self.dtype = dtype
    self.storage = storage
  }

  /// The number of axes.
  public var rank: Int { shape.count }
  /// The number of elements.
  public var count: Int { shape.product }
  package var byteCount: Int { count * dtype.byteCount }

  /// Whether this tensor stands for a value of a program being traced, and so has a shape but no elements.
  public var isTraced: Bool { storage.traced != nil }

  /// Whether both are one value: the same memory, or the same value of a program being traced.
  package func isIdentical(to other: Tensor) -> Bool { storage === other.storage && type == other.type }
}

extension Tensor {
  /// A tensor whose elements `initialize` writes: it is handed `shape.product` uninitialised elements and must fill all.
  public init<Scalar: TensorScalar, Failure: Error>(
    shape: [Int], of type: Scalar.Type = Scalar.self,
    initializingWith initialize: (UnsafeMutableBufferPointer<Scalar>) throws(Failure) -> Void
  ) throws(Failure) {
    self.init(uninitialized: shape, dtype: Scalar.dtype)
    try initialize(unsafeMutableBuffer(of: Scalar.self))
  }

  /// Elements in row-major order.
  ///
  /// - Precondition: `scalars.count` is the product of `shape`.
  public init<Scalar: TensorScalar>(_ scalars: [Scalar], shape: [Int]) {
    precondition(
      scalars.count == shape.product, "shape \(shape) holds \(shape.product) elements, found \(scalars.count)")
    self.init(shape: shape) { (buffer: UnsafeMutableBufferPointer<Scalar>) in
      _ = buffer.update(fromContentsOf: scalars)
    }
  }

  /// A vector.
  public init<Scalar: TensorScalar>(_ scalars: [Scalar]) {
    self.init(scalars, shape: [scalars.count])
  }

  /// A matrix.
  ///
  /// - Precondition: all rows have the same length.
  public init<Scalar: TensorScalar>(rows: [[Scalar]]) {
    let columns = rows.first?.count ?? 0
    precondition(rows.allSatisfy { $0.count == columns }, "rows of different lengths")
    self.init(rows.flatMap { $0 }, shape: [rows.count, columns])
  }

  /// A tensor of rank 0.
  public init<Scalar: TensorScalar>(_ scalar: Scalar) {
    self.init([scalar], shape: [])
  }

  /// A tensor with every element `value`, converted to `dtype`.
  public init(repeating value: Double, shape: [Int], dtype: DType = .float32) {
    switch dtype {
    case .float32: self.init(shape: shape) { $0.initialize(repeating: Float(value)) }
    case .float64: self.init(shape: shape) { $0.initialize(repeating: value) }
    case .int32: self.init(shape: shape) { $0.initialize(repeating: Int32(value)) }
    case .bool: self.init(shape: shape) { $0.initialize(repeating: value != 0) }
    }
  }

  /// A tensor of zeros.
  public static func zeros(_ shape: [Int], dtype: DType = .float32) -> Tensor {
    Tensor(repeating: 0, shape: shape, dtype: dtype)
  }

  /// A tensor of ones.
  public static func ones(_ shape: [Int], dtype: DType = .float32) -> Tensor {
    Tensor(repeating: 1, shape: shape, dtype: dtype)
  }

  package init(uninitialized shape: [Int], dtype: DType) {
    precondition(shape.allSatisfy { $0 >= 0 }, "negative size in shape \(shape)")
    self.init(shape: shape, dtype: dtype, storage: TensorStorage(byteCount: shape.product * dtype.byteCount))
  }
}

extension Tensor {
  /// The elements in row-major order.
  ///
  /// - Precondition: `Scalar` is the tensor's own element type; convert first with `asType`.
  public func scalars<Scalar: TensorScalar>(as type: Scalar.Type = Scalar.self) -> [Scalar] {
    withUnsafeBuffer(of: type) { Array($0) }
  }

  /// The only element of a tensor with one element.
  public func scalar<Scalar: TensorScalar>(as type: Scalar.Type = Scalar.self) -> Scalar {
    precondition(count == 1, "expected a single element, found shape \(shape)")
    return withUnsafeBuffer(of: type) { $0[0] }
  }

  /// Calls `body` with the elements in row-major order; the pointer is valid only inside.
  public func withUnsafeBuffer<Scalar: TensorScalar, Result, Failure: Error>(
    of type: Scalar.Type = Scalar.self, _ body: (UnsafeBufferPointer<Scalar>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let buffer = UnsafeBufferPointer(unsafeBuffer(of: type))
    defer { withExtendedLifetime(storage) {} }
    return try body(buffer)
  }

  /// Calls `body` with the elements to change in place; memory shared with another tensor is copied first.
  public mutating func withUnsafeMutableBuffer<Scalar: TensorScalar, Result, Failure: Error>(
    of type: Scalar.Type = Scalar.self, _ body: (UnsafeMutableBufferPointer<Scalar>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    makeUnique()
    return try body(unsafeMutableBuffer(of: type))
  }

  /// The elements, for inner loops that hold on to them; valid while a copy of this tensor lives and is not written to.
  package func unsafePointer<Scalar: TensorScalar>(to type: Scalar.Type) -> UnsafePointer<Scalar> {
    precondition(Scalar.dtype == dtype, "expected a tensor of \(Scalar.dtype), found \(dtype)")
    return UnsafePointer(storage.bytes.bindMemory(to: Scalar.self, capacity: Swift.max(1, count)))
  }

  mutating func makeUnique() {
    if !isKnownUniquelyReferenced(&storage) { storage = storage.copy() }
  }

  private func unsafeBuffer<Scalar: TensorScalar>(of type: Scalar.Type) -> UnsafeMutableBufferPointer<Scalar> {
    precondition(Scalar.dtype == dtype, "expected a tensor of \(Scalar.dtype), found \(dtype)")
    return UnsafeMutableBufferPointer(start: storage.bytes.bindMemory(to: Scalar.self, capacity: count), count: count)
  }

  private mutating func unsafeMutableBuffer<Scalar: TensorScalar>(
    of type: Scalar.Type
  ) -> UnsafeMutableBufferPointer<Scalar> {
    unsafeBuffer(of: type)
  }
}

extension Array where Element == Int {
  /// The product of all elements: the number of elements of a tensor of this shape.
  public var product: Int { reduce(1, *) }

  /// Row-major strides, in elements, of a contiguous tensor of this shape.
  package var rowMajorStrides: [Int] {
    var strides = [Int](repeating: 1, count: count)
    for axis in indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * self[axis + 1] }
    return strides
  }
}
