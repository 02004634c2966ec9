import CovarianceEngine
import Tensors

/// A block of one data set: some inputs, and some rows of derivatives of each.
struct PanelBlock: Sendable, Hashable {
  let inputs: Range<Int>
  let outputs: Range<Int>
  let pairs: Range<Int>
}

/// The blocks of both data sets in the order in which their tiles are computed.
struct TileGrid {
  let rows: [PanelBlock]
  private let all: [PanelBlock]
  private let layout: KernelLayout
  private let isSame: Bool
  private let progress: (@Sendable (GramProgress) -> Void)?
  private let began = ContinuousClock.now
  private let tileCount: Int
  private var tilesDone = 0

  init(_ layout: KernelLayout, _ choice: TileChoice, isSame: Bool, progress: (@Sendable (GramProgress) -> Void)?) {
    func ranges(_ count: Int, _ size: Int) -> [Range<Int>] {
      stride(from: 0, to: count, by: max(1, size)).map { $0..<min($0 + size, count) }
    }
    func blocks(_ inputs: Int, _ pairs: Int, _ sizes: (inputs: Int, pairs: Int)) -> [PanelBlock] {
      ranges(layout.k, choice.outputs).flatMap { outputs in
        ranges(inputs, sizes.inputs).flatMap { inputs in
          ranges(pairs, sizes.pairs).map { PanelBlock(inputs: inputs, outputs: outputs, pairs: $0) }
        }
      }
    }
    rows = blocks(layout.e, layout.p, (choice.inputs.0, choice.pairs.0))
    all = blocks(layout.f, layout.q, (choice.inputs.1, choice.pairs.1))
    (self.layout, self.isSame, self.progress) = (layout, isSame, progress)
    let (rows, all) = (rows, all)
    tileCount = rows.reduce(0) { $0 + Self.columns(of: $1, all, layout, isSame).count }
    send()
  }

  /// Whether one tile is all there is.
  var isSingle: Bool { rows.count == 1 && all.count == 1 }
  /// The blocks of that tile.
  var whole: (PanelBlock, PanelBlock) { (rows[0], all[0]) }

  /// Whether what is below the diagonal of inputs is taken from what is above.
  func isMirrored(_ row: PanelBlock) -> Bool { Self.isMirrored(row, layout, isSame) }

  private static func isMirrored(_ row: PanelBlock, _ layout: KernelLayout, _ isSame: Bool) -> Bool {
    isSame && layout.role == .pairs && row.pairs.count == layout.p
  }

  func columns(of row: PanelBlock) -> [PanelBlock] { Self.columns(of: row, all, layout, isSame) }

  private static func columns(
    of row: PanelBlock, _ all: [PanelBlock], _ layout: KernelLayout, _ isSame: Bool
  ) -> [PanelBlock] {
    all.filter { column in
      guard column.outputs == row.outputs else { return false }
      if layout.role == .diagonal || layout.role == .trace { return column.inputs == row.inputs }
      guard isMirrored(row, layout, isSame) else { return true }
      return column.inputs.upperBound > row.inputs.lowerBound
    }
  }

  /// Says that one more tile is done.
  mutating func report() {
    tilesDone += 1
    send()
  }

  private func send() {
    let entries = layout.flatShape.product
    progress?(
      GramProgress(
        tilesDone: tilesDone, tileCount: tileCount, entriesDone: entries * tilesDone / max(1, tileCount),
        entryCount: entries, elapsed: ContinuousClock.now - began, obstacle: nil))
  }
}

/// A kernel put together from tiles, which add up along the trace.
struct TileAssembly {
  private let shape: [Int]
  private let dtype: DType
  private var singles: [Float]
  private var doubles: [Double]

  init(_ layout: KernelLayout, dtype: DType) {
    shape = layout.flatShape
    self.dtype = dtype
    singles = dtype == .float32 ? [Float](repeating: 0, count: shape.product) : []
    doubles = dtype == .float32 ? [] : [Double](repeating: 0, count: shape.product)
  }

  var kernel: Tensor {
    dtype == .float32 ? Tensor(singles, shape: shape) : Tensor(doubles, shape: shape).asType(dtype)
  }

  /// - Parameters:
  ///   - tile: float64 with axes (g, e, p, f, q).
  ///   - isMirrored: whether the entries above the diagonal of inputs also are those below it.
  mutating func add(_ tile: Tensor, _ rows: PanelBlock, _ columns: PanelBlock, isMirrored: Bool) {
    let sizes = tile.shape
    let starts = [
      0, shape[1] == 1 ? 0 : rows.inputs.lowerBound, rows.pairs.lowerBound,
      shape[3] == 1 ? 0 : columns.inputs.lowerBound, columns.pairs.lowerBound,
    ]
    let strides = shape.rowMajorStrides
    let values = tile.scalars(as: Double.self)
    var index = 0
    for g in 0..<sizes[0] {
      for e in 0..<sizes[1] {
        for p in 0..<sizes[2] {
          for f in 0..<sizes[3] {
            let (row, column) = (starts[1] + e, starts[3] + f)
            // A tile that reaches over the diagonal has entries that another one, or its own mirror image, has, too.
            let isSkipped = isMirrored && column < row
            let base = g * strides[0] + row * strides[1] + (starts[2] + p) * strides[2] + column * strides[3]
            for q in 0..<sizes[4] {
              let value = values[index]
              index += 1
              if isSkipped { continue }
              put(value, base + (starts[4] + q) * strides[4])
              if isMirrored && column > row {
                put(
                  value,
                  g * strides[0] + column * strides[1] + (starts[4] + q) * strides[2] + row * strides[3]
                    + (starts[2] + p) * strides[4])
              }
            }
          }
        }
      }
    }
  }

  private mutating func put(_ value: Double, _ place: Int) {
    if dtype == .float32 { singles[place] += Float(value) } else { doubles[place] += value }
  }
}
