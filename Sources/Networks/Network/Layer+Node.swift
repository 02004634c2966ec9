import CovarianceEngine

extension Layer {
  /// The node of a network file that describes the layer.
  ///
  /// - Throws: `NetworkError` when the layer holds what no file can, such as closures.
  package func node() throws(NetworkError) -> NodeValue {
    var arguments = LayerArguments()
    do {
      try write(to: &arguments)
    } catch {
      throw error.inside(.name(nodeName))
    }
    return .object([nodeName: arguments.value])
  }
}
