import CPjrt

/// An error of the C functions, taken over.
struct PluginError: Error {
  let code: Int
  let message: String

  private init(_ error: UnsafeMutablePointer<nt_pjrt_error>) {
    code = Int(error.pointee.code)
    message = String(cString: error.pointee.message)
    nt_pjrt_error_free(error)
  }

  /// - Throws: the error that a C function returned; nothing for nil.
  static func check(_ error: UnsafeMutablePointer<nt_pjrt_error>?) throws(PluginError) {
    if let error { throw PluginError(error) }
  }

  /// gRPC's RESOURCE_EXHAUSTED.
  var isMemory: Bool { code == 8 }

  /// What the user reads.
  func of(_ device: String) -> DeviceError {
    isMemory
      ? .memory(device: device, needed: Self.bytes(in: message), advice: "the inputs, the batch or the tile size")
      : .failed(device: device, code: code, message: message)
  }

  /// `123456 bytes` of a message such as "Out of memory allocating 123456 bytes."; the whole of another.
  private static func bytes(in message: String) -> String {
    let words = message.split(whereSeparator: { $0 == " " || $0 == "\n" })
    for (index, word) in words.enumerated().dropFirst() where word.hasPrefix("bytes") {
      if let count = Double(words[index - 1]) {
        return count >= 1e6 ? "\((count / 1e5).rounded() / 10) MB" : "\(words[index - 1]) bytes"
      }
    }
    return "more than there is (\(message))"
  }
}
