import CVectorKernels

extension ConvolutionTask {
  /// Output pixels whose pairs one sum in registers runs over.
  private static let tilePixels = 96
  /// Pairs of a tile, which bounds their memory for large filters.
  private static let tilePairs = 1 << 16
  /// Pieces of work, and the bytes of all partial results: fixed, so that the order of the additions and with it the
  /// result do not depend on the number of threads.
  private static let wantedPieces = 16
  private static let partialBytes = 8 << 20

  /// Computes the cotangent of the filter: for each tap, the sum over its pairs of pixels of the product of their rows.
  func correlate(input: Tensor, cotangent: Tensor, to target: Tensor) {
    let taps = geometry.window.product
    let panels = ConvolutionPanels(
      dtype: dtype, taps: taps, channels: inputChannels / groups, groups: isDepthwise ? 0 : groups,
      columns: outputChannels / groups)
    let size = dtype.byteCount
    let count = isDepthwise ? target.count : panels.count
    let plan = plan(resultBytes: count * size)
    let partials = ScratchMemory(byteCount: plan.slices.count * count * size)
    let (inputImage, outputImage) = (input.count / images, cotangent.count / images)
    nonisolated(unsafe) let (inputBytes, cotangentBytes) = (input.bytes, cotangent.bytes)
    let type = dtype.kernelType

    // The only panel of a cotangent whose rows are whole vectors is the cotangent itself.
    let isPanel = panels.panels.count == 1 && panels.panels[0].width == outputChannels
    let targetUnit = isDepthwise ? 1 : isPanel ? outputChannels : nil
    spread(plan.slices.count * plan.regions.count) { next in
      let pairs = ConvolutionPairs(pixels: plan.tileSize, taps: taps)
      let panelRows = ScratchMemory(byteCount: plan.tileSize * (panels.panels.map(\.width).max() ?? 0) * size)
      while let index = next() {
        let slice = plan.slices[index / plan.regions.count]
        let region = plan.regions[index % plan.regions.count]
        let sums = partials.bytes + index / plan.regions.count * count * size
        zero(sums, region, panels)
        for tile in slice.tiles {
          pairs.fill(
            slice.map, tile * plan.tileSize..<min(slice.map.pixels, (tile + 1) * plan.tileSize), region.taps,
            targetUnit: targetUnit)
          for unit in slice.units {
            let image = slice.batch.firstImage + unit * slice.batch.images
            let x = inputBytes + image * inputImage * size
            let y = cotangentBytes + image * outputImage * size
            if isDepthwise {
              for tap in region.taps {
                let (first, pairCount) = pairs[tap]
                nt_correlate_depthwise(type, pairCount, first, x, y, groups, sums + tap * groups * size)
              }
              continue
            }
            for panel in panels.panels {
              if !isPanel {
                pairs.copyTargetRows(
                  of: y + panel.column * size, to: panelRows.bytes, columns: panel.columns, width: panel.width, dtype)
              }
              let rows = isPanel ? y : panelRows.bytes
              for tap in region.taps {
                let (first, pairCount) = pairs[tap]
                let row = tap * panels.channels + region.channels.lowerBound
                nt_correlate(
                  type, pairCount, first, x + (panel.group * panels.channels + region.channels.lowerBound) * size,
                  rows, region.channels.count, panel.vectors,
                  sums + (panel.offset + row * panel.width) * size)
              }
            }
          }
        }
      }
    }
    add(partials, plan.slices.count, count)
    nonisolated(unsafe) let targetBytes = target.bytes
    if isDepthwise {
      targetBytes.copyMemory(from: partials.bytes, byteCount: target.byteCount)
      return
    }
    let rows = taps * panels.channels
    Threads.forEachRange(panels.panels.count, grain: max(1, (1 << 16) / (16 * rows))) { range in
      for panel in panels.panels[range] {
        nt_copy(
          type, targetBytes + panel.column * size, outputChannels, 1, partials.bytes + panel.offset * size,
          panel.width, 1, rows, panel.columns)
      }
    }
  }

  /// Pixels of images whose pairs are summed into one partial result.
  private struct Slice {
    let map: ConvolutionTaps
    let batch: Batch
    let units: Range<Int>
    let tiles: Range<Int>
  }

  /// Rows of the result that one thread computes at a time.
  private struct Region {
    let taps: Range<Int>
    let channels: Range<Int>
  }

  private struct Plan {
    let tileSize: Int
    let slices: [Slice]
    let regions: [Region]
  }

  private func plan(resultBytes: Int) -> Plan {
    let taps = geometry.window.product
    let tileSize = max(1, min(Self.tilePixels, Self.tilePairs / taps))
    let wanted = min(Self.wantedPieces, max(1, Self.partialBytes / resultBytes))
    var slices: [Slice] = []
    for batch in batches(pixels: geometry.outputSize.product, wanted: Self.tilePixels) {
      let map = ConvolutionTaps(
        geometry, transposed: false, images: batch.images, sourceChannels: inputChannels,
        targetChannels: outputChannels)
      let tiles = (map.pixels + tileSize - 1) / tileSize
      let unitParts = min(batch.count, wanted)
      let tileParts = max(1, min(tiles, wanted / unitParts))
      for unitPart in 0..<unitParts {
        for tilePart in 0..<tileParts {
          slices.append(
            Slice(
              map: map, batch: batch, units: (0..<batch.count).part(unitPart, of: unitParts),
              tiles: (0..<tiles).part(tilePart, of: tileParts)))
        }
      }
    }
    let wantedRegions = (Self.wantedPieces + slices.count - 1) / slices.count
    let tapParts = min(taps, wantedRegions)
    let channels = isDepthwise ? 1 : inputChannels / groups
    let channelParts = max(1, min(channels / 16, wantedRegions / tapParts))
    let regions = (0..<tapParts * channelParts).map { index in
      Region(
        taps: (0..<taps).part(index / channelParts, of: tapParts),
        channels: (0..<channels).part(index % channelParts, of: channelParts))
    }
    return Plan(tileSize: tileSize, slices: slices, regions: regions)
  }

  private func zero(_ sums: UnsafeMutableRawPointer, _ region: Region, _ panels: ConvolutionPanels) {
    let size = dtype.byteCount
    if isDepthwise {
      (sums + region.taps.lowerBound * groups * size).initializeMemory(
        as: UInt8.self, repeating: 0, count: region.taps.count * groups * size)
    }
    for panel in panels.panels {
      for tap in region.taps {
        let row = tap * panels.channels + region.channels.lowerBound
        (sums + (panel.offset + row * panel.width) * size).initializeMemory(
          as: UInt8.self, repeating: 0, count: region.channels.count * panel.width * size)
      }
    }
  }

  /// Adds all partial results of `count` elements to the first.
  private func add(_ partials: ScratchMemory, _ slices: Int, _ count: Int) {
    let piece = 4096
    let size = dtype.byteCount
    Threads.forEachRange((count + piece - 1) / piece, grain: 4) { range in
      for start in stride(from: range.lowerBound * piece, to: min(count, range.upperBound * piece), by: piece) {
        let sum = partials.bytes + start * size
        let length = min(piece, count - start)
        for slice in 1..<max(1, slices) {
          nt_binary(
            nt_add, dtype.kernelType, nt_operand(start: sum, row: 0, step: 1),
            nt_operand(start: sum + slice * count * size, row: 0, step: 1), sum, 1, length)
        }
      }
    }
  }
}

/// The pairs of input and output pixels of one tile, tap by tap, refilled from tile to tile.
private final class ConvolutionPairs {
  private let pixels: Int
  private let pairs: ScratchMemory
  private var counts: [Int]
  private var targets: [Int]
  private var pixelCount = 0

  init(pixels: Int, taps: Int) {
    self.pixels = pixels
    pairs = ScratchMemory(byteCount: pixels * taps * 2 * MemoryLayout<Int>.stride)
    counts = [Int](repeating: 0, count: taps)
    targets = [Int](repeating: 0, count: pixels)
  }

  subscript(tap: Int) -> (first: UnsafePointer<Int>, count: Int) {
    (UnsafePointer(pairs.integers(2 * pixels * counts.count) + tap * pixels * 2), counts[tap])
  }

  /// - Parameter targetUnit: elements of the output in which a pair counts the place of its output pixel; nil for the
  ///   number of the pixel in the tile.
  func fill(_ map: ConvolutionTaps, _ range: Range<Int>, _ taps: Range<Int>, targetUnit: Int?) {
    let (pairs, pixels) = (pairs.integers(2 * pixels * counts.count), pixels)
    var pixel = 0
    targets.withUnsafeMutableBufferPointer { targets in
      counts.withUnsafeMutableBufferPointer { counts in
        for tap in taps { counts[tap] = 0 }
        map.forEachPixel(in: range) { target, offsets in
          let place = targetUnit.map { target / $0 } ?? pixel
          targets[pixel] = target
          pixel += 1
          for tap in taps {
            let pair = pairs + (tap * pixels + counts[tap]) * 2
            pair[0] = offsets[tap]
            pair[1] = place
            counts[tap] += offsets[tap] < 0 ? 0 : 1
          }
        }
      }
    }
    pixelCount = pixel
  }

  /// Copies the rows of the tile's output pixels next to each other, filled up with zeros.
  func copyTargetRows(
    of source: UnsafeMutableRawPointer, to target: UnsafeMutableRawPointer, columns: Int, width: Int, _ dtype: DType
  ) {
    let size = dtype.byteCount
    for (row, offset) in targets[..<pixelCount].enumerated() {
      let to = target + row * width * size
      to.copyMemory(from: source + offset * size, byteCount: columns * size)
      if columns < width {
        (to + columns * size).initializeMemory(as: UInt8.self, repeating: 0, count: (width - columns) * size)
      }
    }
  }
}
