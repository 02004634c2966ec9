import CovarianceEngine
import Foundation
import Networks

extension NetworkFile {
  /// Reads the network from YAML text.
  public init(yaml: String) throws(NetworkError) {
    self.init(try LayerRegistry.layer(from: NodeValue(yaml: yaml)))
  }

  /// Reads a file or a pipe; `.yaml` and `.yml` are YAML, everything else is JSON. `-` is standard input, where what does not
  /// begin like JSON is YAML.
  ///
  /// - Throws: `NetworkError` with the place inside the file, such as `serial[3].dense.width: expected an integer of at
  ///   least 1, found "many"`, prefixed with the file's name.
  public init(contentsOf path: String) throws(NetworkError) {
    let isInput = path == "-" || path == "/dev/stdin"
    let handle = isInput ? FileHandle.standardInput : FileHandle(forReadingAtPath: path)
    guard let data = try? handle?.readToEnd() ?? Data() else {
      throw NetworkError(path: [.name(path)], expected: "a readable file", found: "none")
    }
    do throws(NetworkError) {
      let isNamedYAML = path.lowercased().hasSuffix(".yaml") || path.lowercased().hasSuffix(".yml")
      let first = data.first { !($0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09) }
      let isYAML = isInput ? first.map { $0 != UInt8(ascii: "{") } ?? false : isNamedYAML
      guard !isYAML || String(validating: data, as: UTF8.self) != nil else {
        throw NetworkError(expected: "YAML in UTF-8", found: "other bytes; save the file as UTF-8")
      }
      let node = try isYAML ? NodeValue(yaml: String(decoding: data, as: UTF8.self)) : NodeValue(json: Array(data))
      self.init(try LayerRegistry.layer(from: node))
    } catch {
      throw NetworkError(
        path: [.name(path + ":" + (error.path.isEmpty ? "" : " " + error.pathDescription))], expected: error.expected,
        found: error.found)
    }
  }

  /// The network as YAML text.
  public func yaml() throws(NetworkError) -> String {
    try network.node().yaml()
  }
}
