/// One operation on tensors with its static attributes: all that a `Program` is made of.
///
/// Elements of a tensor never decide the shape or element type of a result. Operands of elementwise primitives have
/// the same element type (the public functions convert) and broadcast against each other.
public enum Primitive: Hashable, Sendable {
  /// f(x), elementwise.
  case unary(UnaryFunction)
  /// f(x, y), elementwise with broadcasting.
  case binary(BinaryFunction)
  /// A bool tensor: whether x and y compare so, elementwise with broadcasting.
  case compare(Comparison)
  /// x * y + z, elementwise with broadcasting.
  case multiplyAdd
  /// Where the first input (bool) is true the second, elsewhere the third; with broadcasting.
  case select
  /// The same numbers with another element type.
  case convert(DType)

  /// The same elements in row-major order under another shape.
  case reshape([Int])
  /// Axis `k` of the result is axis `permutation[k]` of the input.
  case transpose([Int])
  /// Repeats along new leading axes and along axes of size 1, up to the given shape.
  case broadcast([Int])
  /// Reverses the order along the given axes.
  case reverse([Int])
  /// Every `strides`-th element from `starts` up to before `limits`, along each axis.
  case slice(starts: [Int], limits: [Int], strides: [Int])
  /// The first input with the region that `slice` reads replaced by the second.
  case assign(starts: [Int], limits: [Int], strides: [Int])
  /// Surrounds the first input by the second, a scalar: `low` before, `high` after (negative: cropped), and `interior`
  /// between neighbours, along each axis.
  case pad(low: [Int], high: [Int], interior: [Int])
  /// The inputs one after another along an axis.
  case concatenate(axis: Int)

  /// Folds over the given axes, which the result lacks.
  case reduce(Reduction, axes: [Int])
  /// The int32 index of the first smallest or largest element along an axis, which the result lacks; NaN wins.
  case argReduce(Extreme, axis: Int)
  /// Sums of the elements up to and including each one along an axis.
  case cumulativeSum(axis: Int)

  /// 0, 1, 2, ... along an axis.
  case iota(shape: [Int], dtype: DType, axis: Int)
  /// Replaces an axis of the first input by the axes of the second (int32), which holds positions along it.
  case take(axis: Int)
  /// Adds the first input's entries along an axis (the axes of the second input, int32) into zeros of the given size
  /// along it: the transpose of `take`.
  case scatterAdd(axis: Int, size: Int)
  /// Element by element, the first input's element at the position along `axis` that the second (int32) holds.
  case takeAlong(axis: Int)
  /// The transpose of `takeAlong`.
  case scatterAddAlong(axis: Int, size: Int)
  /// Ascending along an axis, NaN last.
  case sort(axis: Int)
  /// The int32 positions along an axis that sort it; equal elements keep their order.
  case argSort(axis: Int)
  /// The block of the given sizes of the first input that starts at the second (int32, one start per axis); a block that
  /// would reach outside is moved inside.
  case dynamicSlice(sizes: [Int])
  /// The first input with the block that starts at the third replaced by the second.
  case dynamicUpdateSlice

  /// Sums of products over paired axes.
  case dotGeneral(DotDimensions)
  /// One of the input, the filter and the output of a convolution from the other two, in this order.
  case convolution(ConvolutionGeometry, ConvolutionRole)
  /// Sums over a window that moves along all axes.
  case windowSum(WindowGeometry)

  /// The lower triangular factor of symmetric positive definite matrices, of which the lower triangle is read.
  case cholesky
  /// The solution of a system with a triangular matrix, the first input.
  case triangularSolve(TriangularSolveOptions)
  /// The solution of a system with a square matrix, the first input.
  case solve
  /// The ascending eigenvalues of symmetric matrices, of which the lower triangle is read, and if asked for the
  /// eigenvectors as rows.
  case eigh(vectors: Bool)

  /// The input, whose derivative is taken for zero.
  case stopGradient
  /// The outputs of another program.
  case call(Subprogram)
}

extension Primitive {
  /// Whether elements of the inputs can make it fail.
  public var canFail: Bool {
    switch self {
    case .cholesky, .triangularSolve, .solve, .eigh, .call: true
    default: false
    }
  }

  /// Whether every element of the result depends only on the elements at the same place (after broadcasting).
  public var isElementwise: Bool {
    switch self {
    case .unary, .binary, .compare, .multiplyAdd, .select, .convert, .stopGradient: true
    default: false
    }
  }
}

/// A function of one argument.
public enum UnaryFunction: String, Hashable, Sendable, CaseIterable {
  case negate, absolute, sign, square, not
  case floor, ceil, round, sqrt, rsqrt, reciprocal, cbrt
  case exp, expm1, log, log1p
  case sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh
  case erf, erfc, erfInverse

  /// Whether it takes integers to integers.
  var acceptsIntegers: Bool {
    switch self {
    case .negate, .absolute, .sign, .square: true
    default: false
    }
  }
}

/// A function of two arguments.
public enum BinaryFunction: String, Hashable, Sendable, CaseIterable {
  case add, subtract, multiply, divide, minimum, maximum, power, atan2, and, or, xor
}

/// A comparison of two arguments.
public enum Comparison: String, Hashable, Sendable, CaseIterable {
  case less, lessOrEqual, equal, notEqual, greaterOrEqual, greater
}

/// What folds many elements into one.
public enum Reduction: String, Hashable, Sendable, CaseIterable {
  case sum, product, min, max
}

/// Which end of an order.
public enum Extreme: String, Hashable, Sendable, CaseIterable {
  case min, max
}
