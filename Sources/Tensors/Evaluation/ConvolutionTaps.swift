/// Which element of a source image each tap of a filter takes for each pixel of a destination image.
///
/// With the input as destination this is the transpose: the same pairs of an input and an output pixel, seen from the
/// input. Both are `(a·d + b·k + c) / e` along each axis, for pixel d and tap k, where that is a pixel of the source:
/// `(o·stride + k·windowDilation − low) / inputDilation` and `(i·inputDilation − k·windowDilation + low) / stride`.
struct ConvolutionTaps: Sendable {
  private struct Axis {
    let pixels: Int
    let taps: Int
    /// Where in `tables` the pixels' offsets in the source are, tap by tap for one pixel after the other, -1 for none.
    let offsets: Int
    /// Where in `tables` the pixels' offsets in the destination are.
    let targets: Int
  }

  /// The first is that of the images, with one tap.
  private let axes: [Axis]
  /// Pixels are in the order they are visited in: along each axis those that the same taps reach come together.
  private let tables: [Int]
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
    var axes = [Axis(pixels: images, taps: 1, offsets: 0, targets: images)]
    var tables = (0..<images).map { $0 * sourceStrides[0] } + (0..<images).map { $0 * targetStrides[0] }
    for axis in source.indices {
      let (stride, dilation) = (geometry.strides[axis], geometry.inputDilation[axis])
      let (a, e) = transposed ? (dilation, stride) : (stride, dilation)
      let b = transposed ? -geometry.windowDilation[axis] : geometry.windowDilation[axis]
      let c = transposed ? geometry.paddingLow[axis] : -geometry.paddingLow[axis]
      var order = Array(0..<target[axis])
      if e > 1 { order.sort { ($0 * a % e, $0) < ($1 * a % e, $1) } }
      let taps = geometry.window[axis]
      axes.append(
        Axis(
          pixels: order.count, taps: taps, offsets: tables.count, targets: tables.count + order.count * taps))
      for pixel in order {
        for tap in 0..<taps {
          let numerator = pixel * a + tap * b + c
          let isElement = numerator >= 0 && numerator % e == 0 && numerator / e < source[axis]
          tables.append(isElement ? numerator / e * sourceStrides[axis + 1] : -1)
        }
      }
      for pixel in order { tables.append(pixel * targetStrides[axis + 1]) }
    }
    self.tables = tables
    self.axes = axes
    pixels = images * target.product
    taps = geometry.window.product
  }

  /// Calls `body` for each pixel of `range`, in the order of visits, with its offset in the destination and, tap by tap,
  /// the offsets in the source, -1 for zeros.
  @inline(__always)
  func forEachPixel(in range: Range<Int>, _ body: (_ target: Int, _ offsets: UnsafePointer<Int>) -> Void) {
    guard !range.isEmpty else { return }
    axes.withUnsafeBufferPointer { axes in
      tables.withUnsafeBufferPointer { tables in
        // The last axis goes fastest: of the others only the combinations of their taps are kept.
        let outer = axes.count - 1
        let prefixes = axes[..<outer].reduce(1) { $0 * $1.taps }
        withUnsafeTemporaryAllocation(of: Int.self, capacity: prefixes + taps + 2) { scratch in
          guard let prefix = scratch.baseAddress, let tables = tables.baseAddress else { return }
          let offsets = prefix + prefixes + 1
          let last = axes[outer]
          var (row, position) = range.lowerBound.quotientAndRemainder(dividingBy: last.pixels)
          var visited = 0
          while visited < range.count {
            let target = combine(axes[..<outer], tables, pixel: row, into: prefix)
            let end = min(last.pixels, position + range.count - visited)
            for pixel in position..<end {
              let own = tables + last.offsets + pixel * last.taps
              for i in 0..<prefixes {
                let (first, to) = (prefix[i], offsets + i * last.taps)
                for tap in 0..<last.taps { to[tap] = first | own[tap] < 0 ? -1 : first + own[tap] }
              }
              body(target + tables[last.targets + pixel], offsets)
            }
            visited += end - position
            (row, position) = (row + 1, 0)
          }
        }
      }
    }
  }

  /// Writes the offsets of all combinations of taps of `axes` for their pixel `pixel` and returns its target.
  private func combine(
    _ axes: Slice<UnsafeBufferPointer<Axis>>, _ tables: UnsafePointer<Int>, pixel: Int,
    into prefix: UnsafeMutablePointer<Int>
  ) -> Int {
    var (pixel, target) = (pixel, 0)
    // From the last axis to the first, whose combinations go slowest: what is there moves up to make room.
    var combinations = 1
    prefix[0] = 0
    for axis in axes.reversed() {
      let position = pixel % axis.pixels
      pixel /= axis.pixels
      target += tables[axis.targets + position]
      for tap in (0..<axis.taps).reversed() {
        let offset = tables[axis.offsets + position * axis.taps + tap]
        for i in 0..<combinations {
          let inner = prefix[i]
          prefix[tap * combinations + i] = inner | offset < 0 ? -1 : inner + offset
        }
      }
      combinations *= axis.taps
    }
    return target
  }
}
