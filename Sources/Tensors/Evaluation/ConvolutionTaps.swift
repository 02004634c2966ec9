/// Which element of a source image each tap of a filter takes for each pixel of a destination image.
///
/// With the input as destination this is the transpose: the same pairs of an input and an output pixel, seen from the
/// input. Both are `(a·d + b·k + c) / e` along each axis, for pixel d and tap k, where that is a pixel of the source:
/// `(o·stride + k·windowDilation − low) / inputDilation` and `(i·inputDilation − k·windowDilation + low) / stride`.
struct ConvolutionTaps: Sendable {
  private struct Axis {
    /// Pixels in the order they are visited in: those that the same taps reach come together.
    let order: [Int]
    let taps: Int
    /// Offset in the source of tap k for `order[position]` at `position * taps + k`, or -1.
    let offsets: [Int]
    /// Offset of `order[position]` in the destination.
    let targets: [Int]
  }

  /// The first is that of the images, with one tap.
  private let axes: [Axis]
  /// Pixels of all images together.
  let pixels: Int
  /// Positions of the filter.
  let taps: Int

  /// - Parameters:
  ///   - images: handled as if they were one, because small ones alone would not fill a block.
  ///   - sourceChannels: elements from one pixel of the source to the next.
  ///   - targetChannels: elements from one pixel of the destination to the next.
  init(
    _ geometry: ConvolutionGeometry, transposed: Bool, images: Int, sourceChannels: Int, targetChannels: Int
  ) {
    let (source, target) =
      transposed ? (geometry.outputSize, geometry.inputSize) : (geometry.inputSize, geometry.outputSize)
    let sourceStrides = ([images] + source + [sourceChannels]).rowMajorStrides
    let targetStrides = ([images] + target + [targetChannels]).rowMajorStrides
    var axes = [
      Axis(
        order: Array(0..<images), taps: 1, offsets: (0..<images).map { $0 * sourceStrides[0] },
        targets: (0..<images).map { $0 * targetStrides[0] })
    ]
    for axis in source.indices {
      let (stride, dilation) = (geometry.strides[axis], geometry.inputDilation[axis])
      let (a, e) = transposed ? (dilation, stride) : (stride, dilation)
      let b = transposed ? -geometry.windowDilation[axis] : geometry.windowDilation[axis]
      let c = transposed ? geometry.paddingLow[axis] : -geometry.paddingLow[axis]
      var order = Array(0..<target[axis])
      if e > 1 { order.sort { ($0 * a % e, $0) < ($1 * a % e, $1) } }
      let taps = geometry.window[axis]
      let offsets = order.flatMap { pixel in
        (0..<taps).map { tap in
          let numerator = pixel * a + tap * b + c
          let isElement = numerator >= 0 && numerator % e == 0 && numerator / e < source[axis]
          return isElement ? numerator / e * sourceStrides[axis + 1] : -1
        }
      }
      axes.append(
        Axis(order: order, taps: taps, offsets: offsets, targets: order.map { $0 * targetStrides[axis + 1] }))
    }
    self.axes = axes
    pixels = images * target.product
    taps = geometry.window.product
  }

  /// Calls `body` for each pixel of `range`, in the order of visits, with its offset in the destination and, tap by tap,
  /// the offsets in the source, -1 for zeros.
  func forEachPixel(in range: Range<Int>, _ body: (_ target: Int, _ offsets: UnsafePointer<Int>) -> Void) {
    guard !range.isEmpty else { return }
    var positions = [Int](repeating: 0, count: axes.count)
    var index = range.lowerBound
    for axis in axes.indices.reversed() {
      (index, positions[axis]) = index.quotientAndRemainder(dividingBy: axes[axis].order.count)
    }
    // Level a holds the offsets of all combinations of taps of the axes up to a, so that a step along the last axis
    // computes the last level only.
    var levels = [[Int]]()
    var count = 1
    for axis in axes {
      count *= axis.taps
      levels.append([Int](repeating: 0, count: max(1, count)))
    }
    var changed = 0
    for _ in range {
      for axis in changed..<axes.count {
        let taps = axes[axis].taps
        let prefixes = axis == 0 ? [0] : levels[axis - 1]
        let combinations = axis == 0 ? 1 : axes[..<axis].reduce(1) { $0 * $1.taps }
        axes[axis].offsets.withUnsafeBufferPointer { offsets in
          prefixes.withUnsafeBufferPointer { prefixes in
            levels[axis].withUnsafeMutableBufferPointer { level in
              let first = positions[axis] * taps
              for i in 0..<combinations {
                let prefix = prefixes[i]
                for k in 0..<taps {
                  let offset = offsets[first + k]
                  level[i * taps + k] = prefix | offset < 0 ? -1 : prefix + offset
                }
              }
            }
          }
        }
      }
      let target = axes.indices.reduce(0) { $0 + axes[$1].targets[positions[$1]] }
      levels[axes.count - 1].withUnsafeBufferPointer { offsets in
        if let base = offsets.baseAddress { body(target, base) }
      }
      changed = axes.count - 1
      positions[changed] += 1
      while changed > 0, positions[changed] == axes[changed].order.count {
        positions[changed] = 0
        changed -= 1
        positions[changed] += 1
      }
    }
  }
}
