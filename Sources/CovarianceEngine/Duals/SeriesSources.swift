import Foundation

/// The sources of the activations that have constants, by kind and constants: equal layers share one and its table. The last
/// few are kept.
package final class SeriesSources: Sendable {
  package static let shared = SeriesSources()

  private static let capacity = 16
  // Not a Mutex, whose locking the thread sanitizer does not see.
  private let lock = NSLock()
  private nonisolated(unsafe) var kept: [(kind: String, constants: [Double], source: SeriesSource)] = []

  package func source(
    of kind: String, _ constants: [Double], make: () -> SeriesSource
  ) -> SeriesSource {
    lock.withLock {
      if let index = kept.firstIndex(where: { $0.kind == kind && $0.constants == constants }) {
        let known = kept.remove(at: index)
        kept.append(known)
        return known.source
      }
      let source = make()
      if kept.count == Self.capacity { kept.removeFirst() }
      kept.append((kind, constants, source))
      return source
    }
  }
}
