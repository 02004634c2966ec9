import CovarianceEngine
import Tensors

/// Linear maps along each axis of activations by itself, batch and channels included.
struct AxisMaps {
  /// One per axis.
  var axes: [PositionMapOperation.Axis]

  var isIdentity: Bool { axes.allSatisfy { $0 == .unchanged } }

  func outputShape(_ input: [Int]) -> [Int] {
    zip(axes, input).compactMap { $0.size(from: $1) }
  }

  /// From the last axis to the first, so that axes that disappear do not move those to come.
  func apply(_ input: Tensor) -> Tensor {
    axes.indices.reversed().reduce(input) { axes[$1].apply(to: $0, axis: $1, squared: false) }
  }

  /// Masked where everything that an output depends on is; `mask` broadcasts to the inputs.
  func outputMask(_ mask: Tensor) -> Tensor {
    var visible = (.!mask).asType(.float32)
    for (index, axis) in axes.enumerated().reversed() {
      if mask.shape[index] > 1 {
        visible = axis.dependence.apply(to: visible, axis: index, squared: false)
      } else if case .removed = axis {
        visible = visible.squeezed(index)
      }
    }
    return visible .<= 0
  }

  /// Where axis `axis` is in the result.
  func outputAxis(_ axis: Int) -> Int {
    axis - axes[..<axis].count { if case .removed = $0 { true } else { false } }
  }

  /// Appends the maps to `program`; `batch` makes that of the batch axis for any number of inputs, nil if it stays.
  func append(
    to program: inout CovarianceProgram, _ input: CovarianceValue, batch: PositionMapOperation.BatchMap?
  ) -> CovarianceValue {
    if isIdentity && batch == nil { return input }
    return program.appendByChannel(
      PositionMapOperation(axes: input.positionAxes.map { axes[$0] }, batch: batch),
      input,
      shape: outputShape(input.shape),
      axes: DataAxes(batch: outputAxis(input.batchAxis), channel: outputAxis(input.channelAxis)),
      isGaussian: input.isGaussian)
  }
}
