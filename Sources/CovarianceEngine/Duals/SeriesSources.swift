import Tensors

/// The sources of the activations that have constants, by kind and constants: equal layers share one and its table. The last
/// few are kept.
package final class SeriesSources: Sendable {
  package static let shared = SeriesSources()

  private static let capacity = 16
  private let kept = Guarded<[(kind: String, constants: [Double], source: SeriesSource)]>([])

  package func source(
    of kind: String, _ constants: [Double], make: () -> SeriesSource
  ) -> SeriesSource {
    kept.withLock { kept in
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
