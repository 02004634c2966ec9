extension Tensor {
  /// Entries along an axis at the given int32 positions: their axes take the place of `axis`.
  ///
  /// - Precondition: positions are inside the axis; negative ones count from the end.
  public func taking(_ positions: Tensor, axis: Int) -> Tensor {
    apply(.take(axis: normalizedAxis(axis, rank: rank)), [self, positions.asType(.int32)])
  }

  /// Entries along an axis at the given positions.
  public func taking(_ positions: [Int], axis: Int) -> Tensor {
    taking(Tensor(positions.map(Int32.init)), axis: axis)
  }

  /// Element by element, the one at the position along `axis` that `positions` holds; the shapes differ only along it.
  public func takingAlong(_ positions: Tensor, axis: Int) -> Tensor {
    apply(.takeAlong(axis: normalizedAxis(axis, rank: rank)), [self, positions.asType(.int32)])
  }

  /// Zeros of size `size` along an axis with the entries added at the given positions (the transpose of `taking`): the
  /// axes of `positions` stand at `axis`. Positions may repeat.
  public func scatteringAdd(_ positions: Tensor, axis: Int, size: Int) -> Tensor {
    apply(
      .scatterAdd(axis: normalizedAxis(axis, rank: rank), size: size),
      [raised(to: .int32), positions.asType(.int32)])
  }

  /// In ascending order along an axis, NaN last.
  public func sorted(axis: Int = -1) -> Tensor {
    apply(.sort(axis: normalizedAxis(axis, rank: rank)), [self])
  }

  /// The int32 positions along an axis that sort it, NaN last; equal elements keep their order.
  public func argSorted(axis: Int = -1) -> Tensor {
    apply(.argSort(axis: normalizedAxis(axis, rank: rank)), [self])
  }

  /// The elements whose positions along two axes of equal size are the same: those axes are dropped and the diagonal
  /// becomes the last axis.
  public func diagonal(_ first: Int = -2, _ second: Int = -1) -> Tensor {
    let size = shape[normalizedAxis(first, rank: rank)]
    precondition(size == shape[normalizedAxis(second, rank: rank)], "axes of different sizes in shape \(shape)")
    let matrices = movedAxis(from: first, to: -1)
    let axis = normalizedAxis(second, rank: rank) > normalizedAxis(first, rank: rank)
      ? normalizedAxis(second, rank: rank) - 1 : normalizedAxis(second, rank: rank)
    let square = matrices.movedAxis(from: axis, to: -2)
    let leading = Array(square.shape.dropLast(2))
    // Along the flattened matrix the diagonal is every (size + 1)-th element.
    return square.reshaped(leading + [size * size])[.ellipsis, .stride(by: size + 1)]
  }
}
