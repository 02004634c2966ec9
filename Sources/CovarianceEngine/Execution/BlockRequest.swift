import Tensors

/// A part of the Gram matrix to compute.
package struct BlockRequest {
  /// Those of the rows and the columns.
  package var inputs: [ProgramInput]
  package var patterns: GraphPatterns?
  package var rows: Range<Int>
  package var columns: Range<Int>
  /// Which covariances of the inputs with themselves are wanted.
  package var selfCovariances: SelfCovarianceSet
  /// What the executor keeps from block to block of one matrix; nil where there is one block only.
  package var state: ExecutorState?
  /// Whether the data sets have changed places.
  var isExchanged = false

  package init(
    inputs: [ProgramInput], patterns: GraphPatterns?, rows: Range<Int>, columns: Range<Int>,
    selfCovariances: SelfCovarianceSet, state: ExecutorState? = nil
  ) {
    (self.inputs, self.patterns, self.rows, self.columns) = (inputs, patterns, rows, columns)
    (self.selfCovariances, self.state) = (selfCovariances, state)
  }
}

/// What an executor keeps from one block of a Gram matrix to the next; blocks come one after another.
package final class ExecutorState {
  /// Of the whole matrix, so that all blocks are computed in one way.
  package let blockCount: Int
  package var kept: AnyObject?

  package init(blockCount: Int) {
    self.blockCount = blockCount
  }
}

extension BlockRequest {
  /// - Throws: `NetworkError` that says where in the Gram matrix a number is not finite.
  package func requireFinite(_ results: [CovarianceBlock]) throws(NetworkError) {
    for result in results {
      for (name, tensor) in [("nngp", result.k12), ("ntk", result.theta), ("cov1", result.k11)] {
        guard let tensor, !tensor.isTraced, var index = firstNonFinite(tensor) else { continue }
        index[0] += rows.lowerBound
        if name != "cov1" { index[1] += columns.lowerBound }
        throw .notFinite(kernel: name, at: index)
      }
    }
  }

  /// The same with both data sets exchanged; inputs are data.
  var exchanged: BlockRequest {
    var result = self
    (result.rows, result.columns) = (columns, rows)
    result.inputs = inputs.map { input in
      guard case .data(let data) = input, let x2 = data.x2 else { return input }
      return .data(ProgramData(x1: x2, x2: data.x1, mask1: data.mask2, mask2: data.mask1))
    }
    result.isExchanged = true
    result.selfCovariances = []
    if selfCovariances.contains(.first) { result.selfCovariances.insert(.second) }
    if selfCovariances.contains(.second) { result.selfCovariances.insert(.first) }
    return result
  }
}

/// Covariances of the inputs of a data set with themselves. One costs as much as a pair of inputs.
package struct SelfCovarianceSet: OptionSet, Sendable {
  package let rawValue: Int

  package init(rawValue: Int) { self.rawValue = rawValue }

  package static let first = SelfCovarianceSet(rawValue: 1)
  package static let second = SelfCovarianceSet(rawValue: 2)
}

extension NetworkError {
  /// The kernel of valid data came out as NaN or infinity.
  static func notFinite(kernel: String, at index: [Int], _ value: (some BinaryFloatingPoint)? = nil as Double?)
    -> NetworkError
  {
    let kind = value.map { $0.isNaN ? "NaN" : "infinity" } ?? "NaN or infinity"
    return NetworkError(
      path: [.name(kernel)],
      expected: "finite numbers (scale the inputs down, use float64, or check the activation's constants)",
      found: "\(kind) at \(index)")
  }
}
