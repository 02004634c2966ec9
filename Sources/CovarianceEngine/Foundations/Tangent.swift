/// Whether there is a tangent kernel Θ: of a run or an input, of a value, a slice, a row.
///
/// In this order, what two values together have is the larger, and what is computed of a value the smaller of what it has and
/// what is wanted.
package enum Tangent: Sendable, Comparable {
  /// Nobody asks for it.
  case absent
  /// Zero, because no trainable layer came before, and kept nowhere.
  case zero
  /// Its numbers are there.
  case given

  package init(isWanted: Bool) { self = isWanted ? .given : .absent }
}
