/// Evaluates the array of a convolution that `role` names, from `a` and `b` in the order that `ConvolutionRole` states.
///
/// All three are sums over pairs of an input and an output pixel that some tap of the filter joins. The pairs are looked
/// up in tables (`ConvolutionTaps`) and the rows of channels are read where they lie, so that strides, dilations and
/// padding need no copies and pairs with a zero cost nothing. Results do not depend on the number of threads.
///
/// Integers and Booleans are computed as `int32`, wrapping around on overflow.
func evaluateConvolution(_ geometry: ConvolutionGeometry, _ role: ConvolutionRole, _ a: Tensor, _ b: Tensor) -> Tensor {
  let shape = geometry.outputShape(role, a.shape, b.shape)
  var dtype = a.dtype.promoted(with: b.dtype)
  if dtype == .bool { dtype = .int32 }
  guard shape.product > 0, a.count > 0, b.count > 0 else { return .zeros(shape, dtype: dtype) }
  let result = Tensor(uninitialized: shape, dtype: dtype)
  let dimensions = ConvolutionDimensions(geometry, role, a.shape, b.shape)
  let convolution = ConvolutionTask(
    geometry: geometry, dtype: dtype, images: dimensions.batch, inputChannels: dimensions.inputChannels,
    outputChannels: dimensions.outputChannels)
  let (a, b) = (a.asType(dtype), b.asType(dtype))
  switch role {
  case .output: convolution.gather(from: a, filter: b, to: result, transposed: false)
  case .input: convolution.gather(from: a, filter: b, to: result, transposed: true)
  case .filter: convolution.correlate(input: a, cotangent: b, to: result)
  }
  return result
}

/// A convolution with all its sizes, none of which is 0.
struct ConvolutionTask: Sendable {
  let geometry: ConvolutionGeometry
  let dtype: DType
  let images: Int
  let inputChannels: Int
  let outputChannels: Int

  var groups: Int { geometry.groups }
  /// Whether every channel is a group of its own, so that vectors run over groups.
  var isDepthwise: Bool { groups > 1 && groups == inputChannels && groups == outputChannels }

  /// Below this many multiplications a thread more costs as much as it saves.
  private static let fewMultiplications = 1 << 18

  /// `Threads.forEachWorker` where that is worth it.
  func spread(_ count: Int, _ body: @Sendable (_ next: () -> Int?) -> Void) {
    let multiplications =
      images * geometry.outputSize.product * geometry.window.product * inputChannels / groups * outputChannels
    if multiplications >= Self.fewMultiplications { return Threads.forEachWorker(count, body) }
    var index = 0
    body {
      defer { index += 1 }
      return index < count ? index : nil
    }
  }

  /// Images that are handled as one, and how often.
  struct Batch {
    let firstImage: Int
    let images: Int
    let count: Int
  }

  /// Images of `pixels` pixels in batches of at least `wanted` pixels where there are so many, the remaining ones last.
  func batches(pixels: Int, wanted: Int) -> [Batch] {
    let size = min(images, max(1, (wanted + pixels - 1) / pixels))
    let count = images / size
    let whole = Batch(firstImage: 0, images: size, count: count)
    return images % size == 0
      ? [whole] : [whole, Batch(firstImage: count * size, images: images % size, count: 1)]
  }
}

extension Range<Int> {
  /// Part `index` of `count` parts of nearly equal size.
  func part(_ index: Int, of count: Int) -> Range<Int> {
    lowerBound + self.count * index / count..<lowerBound + self.count * (index + 1) / count
  }
}
