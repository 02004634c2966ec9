import CVectorKernels

extension ConvolutionTask {
  /// Pixels of a destination that a table describes.
  private static let tilePixels = 252
  /// Entries of a table, which bounds its size for large filters.
  private static let tileEntries = 1 << 15
  /// Bytes of a panel that one part of the sum reads, so that they stay in the cache while the pixels of a tile pass.
  private static let partBytes = 1 << 17
  /// Batches of images that fill blocks of pixels well.
  private static let batchPixels = 96

  /// Computes each pixel of `target` as the sum over taps and channels of `source` times `filter`.
  ///
  /// - Parameter transposed: whether the target is the convolution's input.
  func gather(from source: Tensor, filter: Tensor, to target: Tensor, transposed: Bool) {
    let (sourceChannels, targetChannels) =
      transposed ? (outputChannels, inputChannels) : (inputChannels, outputChannels)
    let taps = geometry.window.product
    let panels = ConvolutionPanels(
      dtype: dtype, taps: taps, channels: sourceChannels / groups, groups: isDepthwise ? 0 : groups,
      columns: targetChannels / groups)
    let packed = isDepthwise ? nil : transposed ? panels.packTransposed(filter) : panels.pack(filter)
    let zeros = ScratchMemory.zeros(byteCount: sourceChannels * dtype.byteCount)
    let parts = parts(of: panels)

    let sourceImage = source.count / images
    let targetImage = target.count / images
    let rows = nt_get_convolution_tile(dtype.kernelType).rows
    let tileSize = max(1, min(Self.tilePixels, Self.tileEntries / taps) / rows) * rows
    let pieces = batches(pixels: targetImage / targetChannels, wanted: Self.batchPixels).flatMap { batch in
      let map = ConvolutionTaps(
        geometry, transposed: transposed, images: batch.images, sourceChannels: sourceChannels,
        targetChannels: targetChannels)
      return self.pieces(of: map, batch, tileSize, panels: panels.panels.count)
    }
    nonisolated(unsafe) let (sourceBytes, filterBytes, targetBytes) = (source.bytes, filter.bytes, target.bytes)
    let size = dtype.byteCount
    let type = dtype.kernelType
    spread(pieces.count) { next in
      let table = ConvolutionTable(pixels: tileSize, taps: taps, rows: rows)
      while let index = next() {
        let piece = pieces[index]
        table.fill(piece.map, piece.pixels)
        for unit in piece.units {
          let image = piece.batch.firstImage + unit * piece.batch.images
          let from = sourceBytes + image * sourceImage * size
          let to = targetBytes + image * targetImage * size
          guard let packed else {
            nt_convolve_depthwise(type, table.kernelTable, from, zeros.bytes, filterBytes, targetChannels, to)
            continue
          }
          for panel in panels.panels[piece.panels] {
            for part in parts {
              nt_convolve(
                type, table.kernelTable, part, from + panel.group * panels.channels * size, zeros.bytes,
                packed.bytes + panel.offset * size, panels.channels, panel.vectors, to + panel.column * size,
                panel.columns)
            }
          }
        }
      }
    }
  }

  /// What one thread does at a time: some pixels and columns of some batches of images.
  private struct Piece {
    let map: ConvolutionTaps
    let pixels: Range<Int>
    let batch: Batch
    let units: Range<Int>
    let panels: Range<Int>
  }

  /// The work on one kind of batch, in several pieces for each thread if possible.
  private func pieces(of map: ConvolutionTaps, _ batch: Batch, _ tileSize: Int, panels: Int) -> [Piece] {
    let tiles = (map.pixels + tileSize - 1) / tileSize
    let wanted = Threads.count == 1 ? 1 : 8 * Threads.count
    let unitParts = min(batch.count, (wanted + tiles - 1) / tiles)
    let panelParts = max(1, min(panels, wanted / (tiles * unitParts)))
    return (0..<unitParts * tiles * panelParts).map { index in
      let (rest, panelPart) = index.quotientAndRemainder(dividingBy: panelParts)
      let (unitPart, tile) = rest.quotientAndRemainder(dividingBy: tiles)
      return Piece(
        map: map, pixels: tile * tileSize..<min(map.pixels, (tile + 1) * tileSize), batch: batch,
        units: (0..<batch.count).part(unitPart, of: unitParts), panels: (0..<panels).part(panelPart, of: panelParts))
    }
  }

  /// The sum over taps and channels in parts that each read a piece of a panel that fits into the cache.
  private func parts(of panels: ConvolutionPanels) -> [nt_convolution_part] {
    let width = panels.panels.map(\.width).max() ?? 1
    let channelBytes = width * dtype.byteCount
    let channels = max(1, min(panels.channels, Self.partBytes / channelBytes))
    let taps = max(1, Self.partBytes / (channels * channelBytes))
    var parts: [nt_convolution_part] = []
    for tap in stride(from: 0, to: panels.taps, by: taps) {
      for channel in stride(from: 0, to: panels.channels, by: channels) {
        parts.append(
          nt_convolution_part(
            first_tap: tap, last_tap: min(panels.taps, tap + taps), first_channel: channel,
            last_channel: min(panels.channels, channel + channels), adds: parts.isEmpty ? 0 : 1))
      }
    }
    return parts
  }
}

/// The table of one tile of pixels that the inner loops read, refilled from tile to tile.
private final class ConvolutionTable {
  private let taps: Int
  private let rows: Int
  private let starts: ScratchMemory
  private let entries: ScratchMemory
  private let targets: ScratchMemory
  private let offsets: ScratchMemory
  private let table: UnsafeMutablePointer<nt_convolution_table>

  var kernelTable: UnsafePointer<nt_convolution_table> { UnsafePointer(table) }

  init(pixels: Int, taps: Int, rows: Int) {
    let word = MemoryLayout<Int>.stride
    let blocks = (pixels + rows - 1) / rows
    self.taps = taps
    self.rows = rows
    starts = ScratchMemory(byteCount: (blocks + 1) * word)
    entries = ScratchMemory(byteCount: blocks * taps * (1 + rows) * word)
    targets = ScratchMemory(byteCount: pixels * word)
    offsets = ScratchMemory(byteCount: taps * rows * word)
    table = .allocate(capacity: 1)
    table.initialize(
      to: nt_convolution_table(
        pixels: 0, starts: starts.integers(blocks + 1), entries: entries.integers(blocks * taps * (1 + rows)),
        targets: targets.integers(pixels)))
  }

  deinit { table.deallocate() }

  func fill(_ map: ConvolutionTaps, _ pixels: Range<Int>) {
    let (rows, taps) = (rows, taps)
    let starts = starts.integers((pixels.count + rows - 1) / rows + 1)
    let targets = targets.integers(pixels.count)
    let offsets = offsets.integers(taps * rows)
    var entry = entries.integers((pixels.count + rows - 1) / rows * taps * (1 + rows))
    let firstEntry = entry
    var pixel = 0
    starts[0] = 0
    map.forEachPixel(in: pixels) { target, pixelOffsets in
      targets[pixel] = target
      let row = pixel % rows
      (offsets + row * taps).update(from: pixelOffsets, count: taps)
      pixel += 1
      guard row == rows - 1 || pixel == pixels.count else { return }
      for other in row + 1..<max(rows, row + 1) { (offsets + other * taps).update(repeating: -1, count: taps) }
      for tap in 0..<taps {
        // -1 has all bits set, so that the conjunction is -1 only if all offsets are.
        var conjunction = -1
        entry[0] = tap
        for row in 0..<rows {
          let offset = offsets[row * taps + tap]
          entry[1 + row] = offset
          conjunction &= offset
        }
        if conjunction >= 0 { entry += 1 + rows }
      }
      starts[(pixel - 1) / rows + 1] = entry - firstEntry
    }
    table.pointee.pixels = pixels.count
  }
}
