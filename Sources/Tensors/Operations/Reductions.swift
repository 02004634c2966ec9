// Reductions over some axes, or over all of them when none are named. Negative axes count from the last. With
// `keepDims` the reduced axes stay with size 1. Results do not depend on the number of threads.

extension Tensor {
  /// The sum of the elements; of bools their number as int32. Accurate to about the rounding of the result.
  public consuming func sum(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    raised(to: .int32).reduced(.sum, axes, keepDims)
  }

  /// The product of the elements; of bools as int32.
  public consuming func product(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    raised(to: .int32).reduced(.product, axes, keepDims)
  }

  /// The largest element; NaN if there is one. Of no elements the smallest number.
  public consuming func max(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    reduced(.max, axes, keepDims)
  }

  /// The smallest element; NaN if there is one. Of no elements the largest number.
  public consuming func min(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    reduced(.min, axes, keepDims)
  }

  /// The arithmetic mean; of integers as float32.
  public consuming func mean(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    let count = self.count(along: axes)
    return raised(to: .float32).reduced(.sum, axes, keepDims) / Double(count)
  }

  /// The mean square deviation from the mean: divided by the number of elements less `correction`.
  public func variance(axes: [Int]? = nil, keepDims: Bool = false, correction: Int = 0) -> Tensor {
    let deviation = self - mean(axes: axes, keepDims: true)
    return square(deviation).sum(axes: axes, keepDims: keepDims) / Double(count(along: axes) - correction)
  }

  /// The square root of the variance.
  public func standardDeviation(axes: [Int]? = nil, keepDims: Bool = false, correction: Int = 0) -> Tensor {
    sqrt(variance(axes: axes, keepDims: keepDims, correction: correction))
  }

  /// Whether any element is not 0.
  public consuming func any(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    asType(.bool).reduced(.max, axes, keepDims)
  }

  /// Whether no element is 0.
  public consuming func all(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    asType(.bool).reduced(.min, axes, keepDims)
  }

  /// The sum along one axis: see `sum(axes:keepDims:)`.
  public consuming func sum(axis: Int, keepDims: Bool = false) -> Tensor { sum(axes: [axis], keepDims: keepDims) }
  /// The product along one axis: see `product(axes:keepDims:)`.
  public consuming func product(axis: Int, keepDims: Bool = false) -> Tensor {
    product(axes: [axis], keepDims: keepDims)
  }
  /// The largest element along one axis: see `max(axes:keepDims:)`.
  public consuming func max(axis: Int, keepDims: Bool = false) -> Tensor { max(axes: [axis], keepDims: keepDims) }
  /// The smallest element along one axis: see `min(axes:keepDims:)`.
  public consuming func min(axis: Int, keepDims: Bool = false) -> Tensor { min(axes: [axis], keepDims: keepDims) }
  /// The mean along one axis: see `mean(axes:keepDims:)`.
  public consuming func mean(axis: Int, keepDims: Bool = false) -> Tensor { mean(axes: [axis], keepDims: keepDims) }
  /// Whether any element along one axis is true: see `any(axes:keepDims:)`.
  public consuming func any(axis: Int, keepDims: Bool = false) -> Tensor { any(axes: [axis], keepDims: keepDims) }
  /// Whether all elements along one axis are true: see `all(axes:keepDims:)`.
  public consuming func all(axis: Int, keepDims: Bool = false) -> Tensor { all(axes: [axis], keepDims: keepDims) }
  /// The variance along one axis: see `variance(axes:keepDims:correction:)`.
  public func variance(axis: Int, keepDims: Bool = false, correction: Int = 0) -> Tensor {
    variance(axes: [axis], keepDims: keepDims, correction: correction)
  }

  /// The int32 index of the first largest element along an axis, or of the flattened tensor; the first NaN if any.
  public consuming func argMax(axis: Int? = nil, keepDims: Bool = false) -> Tensor {
    argReduced(.max, axis, keepDims)
  }

  /// The int32 index of the first smallest element along an axis, or of the flattened tensor; the first NaN if any.
  public consuming func argMin(axis: Int? = nil, keepDims: Bool = false) -> Tensor {
    argReduced(.min, axis, keepDims)
  }

  /// Sums of the elements up to and including each one along an axis; of bools as int32.
  public consuming func cumulativeSum(axis: Int) -> Tensor {
    let axis = normalizedAxis(axis, rank: rank)
    return apply(.cumulativeSum(axis: axis), [raised(to: .int32)])
  }

  private consuming func reduced(_ reduction: Reduction, _ axes: [Int]?, _ keepDims: Bool) -> Tensor {
    let axes = normalizedAxes(axes, rank: rank)
    var shape = self.shape
    let result = apply(.reduce(reduction, axes: axes), [self])
    guard keepDims else { return result }
    for axis in axes { shape[axis] = 1 }
    return result.reshaped(shape)
  }

  private consuming func argReduced(_ extreme: Extreme, _ axis: Int?, _ keepDims: Bool) -> Tensor {
    guard let axis else {
      let shape = keepDims ? [Int](repeating: 1, count: rank) : []
      return apply(.argReduce(extreme, axis: 0), [reshaped([-1])]).reshaped(shape)
    }
    let reducedAxis = normalizedAxis(axis, rank: rank)
    let result = apply(.argReduce(extreme, axis: reducedAxis), [self])
    return keepDims ? result.expandedDims(reducedAxis) : result
  }

  private func count(along axes: [Int]?) -> Int {
    normalizedAxes(axes, rank: rank).map { shape[$0] }.product
  }
}
