import CVectorKernels
import Platform
import Tensors

/// The table of a series dual, as the vector kernels read it: pieces are made when an input of their range comes along, and
/// freed with the source that has the table.
final class SeriesTable: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<nt_series>
  private let layout: SeriesPieces
  private let pieces: UnsafeMutablePointer<UnsafeMutablePointer<Double>?>
  // Not a Mutex, whose locking the thread sanitizer does not see.
  private let lock = Lock()

  init(_ source: SeriesSource, _ length: SeriesLength) {
    layout = SeriesPieces(source, length)
    let count = Int(nt_series_piece_count.rawValue)
    pieces = .allocate(capacity: count)
    pieces.initialize(repeating: nil, count: count)
    pointer = .allocate(capacity: 1)
    pointer.initialize(
      to: nt_series(
        first: Int32(layout.first), step: Int32(layout.step), terms: Int32(layout.terms), arc_count: 0, is_bounded: 0,
        arcs: nt_series().arcs, pieces: pieces,
        make: { series, piece in SeriesTable.of(series).make(Int(piece)) },
        exact: { series, count, q12, q11, q22, kappa, slope in
          guard let q12, let q11, let q22, let kappa, let slope else { return }
          let source = SeriesTable.of(series).layout.source
          let entries = [q12, q11, q22].map { Tensor(copying: $0, shape: [count]) }
          SeriesTable.copy(source.exact, entries, count, to: kappa)
          SeriesTable.copy(source.exactDerivative, entries, count, to: slope)
        }, derivatives: source.isSmooth ? Self.derivatives : nil, context: nil))
    setArcs(Self.arcs(of: source), isBounded: Self.isBounded(source))
    pointer.pointee.context = Unmanaged.passUnretained(self).toOpaque()
  }

  private static let derivatives: nt_series_derivatives = { series, count, q12, q11, q22, results in
    guard let q12, let q11, let q22, let results else { return }
    let source = SeriesTable.of(series).layout.source
    let entries = [q12, q11, q22].map { Tensor(copying: $0, shape: [count]) }
    let found = Interruption.carriedOut(under: nil) { try? source.derivatives(entries[0], entries[1], entries[2]) }
    for kind in 0..<Int(nt_series_derivative_count.rawValue) {
      let target = results + kind * count
      if let found {
        target.update(from: found[kind], count: count)
      } else {
        target.update(repeating: .nan, count: count)
      }
    }
  }

  deinit {
    for piece in 0..<Int(nt_series_piece_count.rawValue) { pieces[piece]?.deallocate() }
    pieces.deallocate()
    pointer.deallocate()
  }

  private func setArcs(_ arcs: [nt_series_arc], isBounded: Bool) {
    pointer.pointee.arc_count = Int32(arcs.count)
    pointer.pointee.is_bounded = isBounded ? 1 : 0
    withUnsafeMutableBytes(of: &pointer.pointee.arcs) { bytes in
      for (index, arc) in arcs.enumerated() {
        bytes.storeBytes(of: arc, toByteOffset: index * MemoryLayout<nt_series_arc>.stride, as: nt_series_arc.self)
      }
    }
  }

  /// Whether a function that is straight between its kinks is as straight on both sides of them, to rounding.
  private static func isBounded(_ source: SeriesSource) -> Bool {
    guard let jumps = source.slopeJumps else { return false }
    return abs(jumps.reduce(0, +)) <= 1e-14 * jumps.reduce(0) { $0 + abs($1) }
  }

  /// What pairs of kinks of a function that is straight between them add; those that mirror each other add the same.
  private static func arcs(of source: SeriesSource) -> [nt_series_arc] {
    guard let jumps = source.slopeJumps else { return [] }
    var arcs: [nt_series_arc] = []
    for (i, s) in source.kinks.enumerated() {
      for (j, t) in source.kinks.enumerated() where j >= i {
        let weight = jumps[i] * jumps[j] / (2 * .pi)
        if weight == 0 { continue }
        let mirror = arcs.firstIndex { $0.s == -t && $0.t == -s }
        if i == j, let mirror {
          arcs[mirror].weight += weight
        } else if i != j, s == -t {
          // The other order mirrors this one.
          arcs.append(nt_series_arc(s: s, t: t, weight: 2 * weight, is_twice: 0))
        } else {
          arcs.append(nt_series_arc(s: s, t: t, weight: weight, is_twice: i == j ? 0 : 1))
        }
      }
    }
    return arcs.count <= Int(nt_series_most_arcs.rawValue) ? arcs : []
  }

  private static func of(_ series: UnsafePointer<nt_series>?) -> SeriesTable {
    guard let context = series?.pointee.context else { preconditionFailure("a series without its table") }
    return Unmanaged<SeriesTable>.fromOpaque(context).takeUnretainedValue()
  }

  private func make(_ piece: Int) {
    lock.withLock {
      guard pieces[piece] == nil else { return }
      // A derivative that cannot be had was refused when the dual was made. Others will read the piece, whoever is in a hurry.
      let values =
        Interruption.carriedOut(under: nil) { try? layout.coefficients(piece) } ?? []
      let memory = UnsafeMutablePointer<Double>.allocate(capacity: values.count)
      memory.initialize(from: values, count: values.count)
      nt_series_publish(pointer, Int32(piece), memory)
    }
  }

  private static func copy(
    _ duals: SeriesSource.Duals, _ entries: [Tensor], _ count: Int, to result: UnsafeMutablePointer<Double>
  ) {
    let found = Interruption.carriedOut(under: nil) { try? duals(entries[0], entries[1], entries[2]) }
    guard let values = found?.scalars(as: Double.self) else {
      return result.update(repeating: .nan, count: count)
    }
    result.update(from: values, count: count)
  }
}
