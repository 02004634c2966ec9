/// Where the elements of a value are found: in the memory of another value, in steps of `strides` along each axis of the
/// value that is seen so.
struct StridedView {
  /// The value that owns the memory.
  var root: Int
  var strides: [Int]
}

extension Program {
  /// For every value how it can be read without having been written: reshapes, transpositions and repetitions are
  /// other ways to read their input. Values that own their memory have themselves as root.
  func stridedViews() -> [StridedView] {
    var views: [StridedView] = []
    views.reserveCapacity(types.count)
    for value in 0..<inputCount + constants.count {
      views.append(StridedView(root: value, strides: types[value].shape.rowMajorStrides))
    }
    for equation in equations {
      for value in equation.outputs {
        let own = StridedView(root: value, strides: types[value].shape.rowMajorStrides)
        views.append(equation.outputs.count == 1 ? view(of: equation, views) ?? own : own)
      }
    }
    return views
  }

  private func view(of equation: Equation, _ views: [StridedView]) -> StridedView? {
    guard equation.inputs.count == 1 else { return nil }
    let source = views[equation.inputs[0]]
    let from = types[equation.inputs[0]].shape
    let to = types[equation.outputs.lowerBound].shape
    switch equation.primitive {
    case .stopGradient: return source
    case .convert(let dtype): return types[equation.inputs[0]].dtype == dtype ? source : nil
    case .reshape:
      if source.isContiguous(from) { return StridedView(root: source.root, strides: to.rowMajorStrides) }
      // Axes of one element come and go freely.
      guard from.filter({ $0 != 1 }) == to.filter({ $0 != 1 }) else { return nil }
      var steps = zip(from, source.strides).filter { $0.0 != 1 }.map(\.1)[...]
      return StridedView(root: source.root, strides: to.map { $0 == 1 ? 1 : steps.removeFirst() })
    case .transpose(let permutation):
      return StridedView(root: source.root, strides: permutation.map { source.strides[$0] })
    case .broadcast:
      let new = to.count - from.count
      return StridedView(
        root: source.root,
        strides: to.indices.map { axis in
          axis < new || from[axis - new] != to[axis] ? 0 : source.strides[axis - new]
        })
    default: return nil
    }
  }
}

extension StridedView {
  /// Whether the elements lie in row-major order for `shape`, without gaps.
  func isContiguous(_ shape: [Int]) -> Bool {
    var expected = 1
    for axis in shape.indices.reversed() where shape[axis] != 1 {
      if strides[axis] != expected { return false }
      expected *= shape[axis]
    }
    return true
  }

  /// The strides along the axes of `shape` that have more than one element, for an operand of shape `own` that is
  /// broadcast to it.
  func strides(broadcasting own: [Int], to shape: [Int]) -> [Int] {
    let new = shape.count - own.count
    return shape.indices.filter { shape[$0] != 1 }.map { axis in
      axis < new || own[axis - new] == 1 ? 0 : strides[axis - new]
    }
  }
}
