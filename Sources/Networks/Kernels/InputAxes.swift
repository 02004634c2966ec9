import CovarianceEngine

extension Layer {
  /// Where each of several inputs has its batch and channels: as the first layer that works on it says; where none does
  /// before inputs are joined or split, as the first layer of all says.
  func inputAxes<Leaf>(_ inputs: Branches<Leaf>) -> Branches<DataAxes> {
    let fallback = dataAxes ?? DataAxes()
    return firstAxes(inputs.map { (_: Leaf) -> DataAxes? in nil }).map { $0 ?? fallback }
  }

  /// Fills in what is not known yet.
  private func firstAxes(_ known: Branches<DataAxes?>) -> Branches<DataAxes?> {
    switch self {
    case let serial as Serial:
      var result = known
      for layer in serial.layers {
        result = layer.firstAxes(result)
        if layer.joinsOrSplits { break }
      }
      return result
    case let parallel as Parallel:
      guard case .several(let branches) = known, branches.count == parallel.layers.count else { return known }
      return .several(zip(parallel.layers, branches).map { $0.firstAxes($1) })
    case let repeated as Repeat:
      return repeated.layer.firstAxes(known)
    default:
      guard case .single(let axes) = known else { return known }
      return .single(axes ?? dataAxes)
    }
  }

  /// Whether outputs are another tree than inputs.
  private var joinsOrSplits: Bool {
    switch self {
    case is FanOut, is any FanInLayer: true
    case let serial as Serial: serial.layers.contains(where: \.joinsOrSplits)
    case let parallel as Parallel: parallel.layers.contains(where: \.joinsOrSplits)
    default: false
    }
  }
}
