import Foundation
import Tensors

/// An NPZ file: a zip archive of NPY files, each a named array, as `numpy.savez` and `numpy.savez_compressed` write it.
public struct NpzArchive: Sendable {
  /// The names of the arrays, in the order of the file.
  public let names: [String]

  private let file: FileBytes
  private let entries: [String: ZipArchive.Entry]

  /// Reads the directory of an NPZ file; arrays are read when asked for.
  ///
  /// - Throws: `TensorError.file` when the file cannot be read, `TensorError.format` when it is damaged.
  public init(at path: String) throws(TensorError) {
    try self.init(FileBytes(at: path).inflated())
  }

  init(_ file: FileBytes) throws(TensorError) {
    self.file = file
    var names: [String] = []
    var entries: [String: ZipArchive.Entry] = [:]
    for entry in try ZipArchive(file).entries where entry.name.hasSuffix(".npy") {
      let name = String(entry.name.dropLast(4))
      guard entries.updateValue(entry, forKey: name) == nil else {
        throw file.wrong("directory", expected: "arrays with different names", found: "\(name) twice")
      }
      names.append(name)
    }
    self.names = names
    self.entries = entries
  }

  /// Reads the array called `name`; its type is converted as `Tensor(npyAt:)` does.
  ///
  /// - Throws: `TensorError.format` when there is no such array or it is damaged.
  public func tensor(_ name: String) throws(TensorError) -> Tensor {
    try Tensor(exactNpy: contents(name))
  }

  func tensor(_ name: String, notes: inout [ReadingNote]) throws(TensorError) -> Tensor {
    try Tensor(npy: contents(name), notes: &notes)
  }

  private func contents(_ name: String) throws(TensorError) -> FileBytes {
    guard let entry = entries[name] else {
      throw file.wrong(
        "array \(name)", expected: "one of " + names.map { "\"\($0)\"" }.joined(separator: ", "), found: "no such array"
      )
    }
    let contents = try ZipArchive.contents(of: entry, in: file)
    return FileBytes(path: file.path, part: "array \(name)", bytes: contents)
  }

  /// How arrays are stored when written.
  public enum Compression: Sendable, Hashable {
    /// As they are: fast, and what `numpy.savez` does.
    case none
    /// Deflated, as `numpy.savez_compressed` does.
    case deflate
  }

  /// Writes arrays under their names; `numpy.load` reads the file.
  ///
  /// Equal arrays give equal files.
  ///
  /// - Precondition: the names differ.
  /// - Throws: `TensorError.file` when the file cannot be written.
  public static func write(
    _ arrays: [(name: String, tensor: Tensor)], to path: String, compression: Compression = .none
  ) throws(TensorError) {
    var writer = try ZipWriter(to: path)
    try write(arrays, to: &writer, compression: compression)
  }

  static func write(
    _ arrays: [(name: String, tensor: Tensor)], to writer: inout ZipWriter, compression: Compression
  ) throws(TensorError) {
    precondition(Set(arrays.map(\.name)).count == arrays.count, "two arrays of one name in \(arrays.map(\.name))")
    for (name, tensor) in arrays {
      try tensor.npyHeader.encoded().withRawBytes { (header) throws(TensorError) in
        try tensor.withRawBytes { (numbers) throws(TensorError) in
          try writer.add("\(name).npy", [header, numbers], isDeflated: compression == .deflate)
        }
      }
    }
    try writer.finish()
  }
}
