import CVectorKernels
import Foundation
import Tensors

/// The table of a series dual, as the vector kernels read it: at most 80 pieces of at most 13 KB, made when an input of
/// their range comes along, and freed with the table.
final class SeriesTable: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<nt_series>
  private let layout: SeriesPieces
  private let pieces: UnsafeMutablePointer<UnsafeMutablePointer<Double>?>
  // Not a Mutex, whose locking the thread sanitizer does not see.
  private let lock = NSLock()

  init(_ source: SeriesSource) {
    layout = SeriesPieces(source)
    let count = Int(nt_series_piece_count.rawValue)
    pieces = .allocate(capacity: count)
    pieces.initialize(repeating: nil, count: count)
    pointer = .allocate(capacity: 1)
    pointer.initialize(
      to: nt_series(
        first: Int32(layout.first), step: Int32(layout.step), terms: Int32(layout.terms), pieces: pieces,
        make: { series, piece in SeriesTable.of(series).make(Int(piece)) },
        exact: { series, count, q12, q11, q22, kappa, slope in
          guard let q12, let q11, let q22, let kappa, let slope else { return }
          let source = SeriesTable.of(series).layout.source
          let entries = [q12, q11, q22].map { Tensor(copying: $0, shape: [count]) }
          SeriesTable.copy(source.exact, entries, count, to: kappa)
          SeriesTable.copy(source.exactDerivative, entries, count, to: slope)
        }, context: nil))
    pointer.pointee.context = Unmanaged.passUnretained(self).toOpaque()
  }

  deinit {
    for piece in 0..<Int(nt_series_piece_count.rawValue) { pieces[piece]?.deallocate() }
    pieces.deallocate()
    pointer.deallocate()
  }

  private static func of(_ series: UnsafePointer<nt_series>?) -> SeriesTable {
    guard let context = series?.pointee.context else { preconditionFailure("a series without its table") }
    return Unmanaged<SeriesTable>.fromOpaque(context).takeUnretainedValue()
  }

  private func make(_ piece: Int) {
    lock.withLock {
      guard pieces[piece] == nil else { return }
      // A derivative that cannot be had was refused when the dual was made.
      let values = (try? layout.coefficients(piece)) ?? []
      let memory = UnsafeMutablePointer<Double>.allocate(capacity: values.count)
      memory.initialize(from: values, count: values.count)
      nt_series_publish(pointer, Int32(piece), memory)
    }
  }

  private static func copy(
    _ duals: SeriesSource.Duals, _ entries: [Tensor], _ count: Int, to result: UnsafeMutablePointer<Double>
  ) {
    guard let values = try? duals(entries[0], entries[1], entries[2]).scalars(as: Double.self) else {
      return result.update(repeating: .nan, count: count)
    }
    result.update(from: values, count: count)
  }
}
