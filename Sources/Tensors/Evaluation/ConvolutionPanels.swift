import CVectorKernels

/// The columns of a filter cut into panels that the inner loops hold in registers.
///
/// A panel is (taps, channels, width), its columns filled up with zeros to whole vectors; panels follow each other.
struct ConvolutionPanels: Sendable {
  struct Panel {
    let group: Int
    /// The first column among all channels of the result.
    let column: Int
    let columns: Int
    let vectors: Int
    /// Elements of a row: `vectors` times those of a vector.
    let width: Int
    /// In elements from the first panel.
    let offset: Int
  }

  let panels: [Panel]
  let taps: Int
  /// Channels of one group that are summed over.
  let channels: Int
  /// Elements of all panels.
  let count: Int

  /// - Parameter columns: those of one group.
  init(dtype: DType, taps: Int, channels: Int, groups: Int, columns: Int) {
    let tile = nt_get_convolution_tile(dtype.kernelType)
    var panels: [Panel] = []
    var offset = 0
    for group in 0..<groups {
      var column = 0
      while column < columns {
        let needed = (columns - column + tile.lanes - 1) / tile.lanes
        let vectors = needed >= tile.vectors ? tile.vectors : needed >= 2 ? 2 : 1
        let width = vectors * tile.lanes
        panels.append(
          Panel(
            group: group, column: group * columns + column, columns: min(width, columns - column), vectors: vectors,
            width: width, offset: offset))
        offset += taps * channels * width
        column += width
      }
    }
    self.panels = panels
    self.taps = taps
    self.channels = channels
    count = offset
  }

  /// The panels of a filter (taps, channels of a group, columns of all groups).
  func pack(_ filter: Tensor) -> ScratchMemory {
    let rowLength = filter.shape[filter.rank - 1]
    return pack(filter) { panel in (offset: panel.column, row: rowLength, step: 1) }
  }

  /// The panels of the transposed filter, whose rows are the filter's own columns of a group.
  func packTransposed(_ filter: Tensor) -> ScratchMemory {
    let (columns, rowLength) = (filter.shape[filter.rank - 2], filter.shape[filter.rank - 1])
    return pack(filter) { panel in
      (
        offset: (panel.column - panel.group * columns) * rowLength + panel.group * channels, row: 1,
        step: rowLength
      )
    }
  }

  /// - Parameter place: where in the matrix of one tap the panel begins, and its strides.
  private func pack(
    _ filter: Tensor, _ place: @Sendable (Panel) -> (offset: Int, row: Int, step: Int)
  ) -> ScratchMemory {
    let type = filter.dtype
    let result = ScratchMemory(byteCount: count * type.byteCount)
    nonisolated(unsafe) let (from, to) = (filter.bytes, result.bytes)
    let matrix = filter.shape.suffix(2).reduce(1, *)
    Threads.forEachRange(panels.count * taps, grain: max(1, (1 << 16) / max(1, channels * 16))) { range in
      for index in range {
        let (panel, tap) = (panels[index / taps], index % taps)
        let target = to + (panel.offset + tap * channels * panel.width) * type.byteCount
        if panel.columns < panel.width {
          target.initializeMemory(as: UInt8.self, repeating: 0, count: channels * panel.width * type.byteCount)
        }
        let (offset, row, step) = place(panel)
        nt_copy(
          type.kernelType, target, panel.width, 1, from + (tap * matrix + offset) * type.byteCount, row, step,
          channels, panel.columns)
      }
    }
    return result
  }
}

/// Memory that lives as long as the operation that asked for it, aligned for vectors.
final class ScratchMemory: @unchecked Sendable {
  let bytes: UnsafeMutableRawPointer

  init(byteCount: Int) {
    bytes = .allocate(byteCount: max(64, byteCount), alignment: 64)
  }

  static func zeros(byteCount: Int) -> ScratchMemory {
    let result = ScratchMemory(byteCount: byteCount)
    result.bytes.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    return result
  }

  deinit { bytes.deallocate() }

  func integers(_ count: Int) -> UnsafeMutablePointer<Int> {
    bytes.bindMemory(to: Int.self, capacity: count)
  }
}
