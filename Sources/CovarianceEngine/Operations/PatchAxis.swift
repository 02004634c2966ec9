import Tensors

/// Which inputs each weight of a convolution sees at each output, along one axis.
///
/// The input, spread out by zeros and padded, is read in steps: offset k of the window at output p reads
/// p·stride + k·dilation.
public struct PatchAxis: Sendable, Hashable {
  /// Length of the input.
  public var size: Int
  public var window: Int
  public var stride = 1
  /// Distance between the window's offsets.
  public var dilation = 1
  /// Distance between inputs after zeros were put between them.
  public var spread = 1
  public var paddingLow = 0
  public var paddingHigh = 0
  /// Whether the padding continues at the other end instead of being zero.
  public var wraps = false

  public init(
    size: Int, window: Int, stride: Int = 1, dilation: Int = 1, spread: Int = 1, paddingLow: Int = 0,
    paddingHigh: Int = 0, wraps: Bool = false
  ) {
    (self.size, self.window, self.stride, self.dilation) = (size, window, stride, dilation)
    (self.spread, self.paddingLow, self.paddingHigh, self.wraps) = (spread, paddingLow, paddingHigh, wraps)
  }

  /// Length of the spread input; what wraps includes the zeros after its last element.
  var spreadSize: Int { wraps ? size * spread : (size - 1) * spread + 1 }

  var isIdentity: Bool { window == 1 && stride == 1 && spread == 1 && paddingLow == 0 && paddingHigh == 0 }

  /// Displacements of the input for those of the output; where zeros were put between inputs, the others are zero.
  func displacements(for needed: [Int]) -> Set<Int> {
    var result: Set<Int> = []
    for displacement in needed where displacement * stride % spread == 0 {
      let inner = displacement * stride / spread
      result.insert(inner)
      guard wraps else { continue }
      let around = (inner % size + size) % size
      result.formUnion([around, around - size])
    }
    return result
  }

  var description: String {
    "\(size): window \(window), stride \(stride), dilation \(dilation), spread \(spread), "
      + "padding \(paddingLow) \(paddingHigh)\(wraps ? " wrapping" : "")"
  }

  /// Length of the output.
  public var outputSize: Int {
    let room = spreadSize + paddingLow + paddingHigh - (window - 1) * dilation - 1
    return room < 0 ? 0 : room / stride + 1
  }

  /// The input in the middle of the window at each output.
  package var centres: [Int] {
    (0..<outputSize).map { output in
      let centre = output * stride - paddingLow + (window - 1) / 2 * dilation
      return wraps ? (centre % size + size) % size : min(max(centre, 0), size - 1)
    }
  }

  /// `x` spread out and padded along `axis`.
  package func prepared(_ x: Tensor, axis: Int) -> Tensor {
    var widths = [(low: Int, high: Int)](repeating: (0, 0), count: x.rank)
    var interior = [Int](repeating: 0, count: x.rank)
    interior[axis] = spread - 1
    if !wraps {
      widths[axis] = (paddingLow, paddingHigh)
      return spread == 1 && paddingLow == 0 && paddingHigh == 0 ? x : x.padded(widths, interior: interior)
    }
    widths[axis] = (0, spread - 1)
    let whole = spread == 1 ? x : x.padded(widths, interior: interior)
    if paddingLow == 0 && paddingHigh == 0 { return whole }
    let length = spreadSize
    return whole.taking((-paddingLow..<length + paddingHigh).map { ($0 % length + length) % length }, axis: axis)
  }

  /// What offset `offset` of the window reads along `axis` of the prepared input.
  package func read(_ prepared: Tensor, offset: Int, axis: Int) -> Tensor {
    let start = offset * dilation
    let last = start + (outputSize - 1) * stride
    return prepared.sliced(axis: axis, from: start, to: last + 1, by: stride)
  }
}
