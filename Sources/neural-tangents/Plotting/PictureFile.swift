import DataFiles
import Foundation
import Tensors

/// A picture that another program draws, and that appears under its name when it is whole.
struct PictureFile {
  private let url: URL
  /// Beside the picture; for a pipe, a device or standard output, which get a copy at the end, among temporary files.
  private let file: TemporaryFile
  private let isStream: Bool

  /// - Parameter format: an ending of a file's name: svg, png, pdf or gif.
  /// - Throws: `CommandError` when there can be no such file.
  init(name: String, format: String, folder: URL) throws(CommandError) {
    try self.init(folder.appending(path: "\(name).\(format)"))
  }

  init(_ url: URL) throws(CommandError) {
    self.url = url
    isStream = FileStatus(at: url.path)?.kind == .other || FileStatus.isStandardOutput(url.path)
    let folder = FileManager.default.temporaryDirectory
    do {
      file = try TemporaryFile(for: isStream ? folder.appending(path: url.lastPathComponent).path : url.path)
    } catch {
      throw CommandError(.cannotWrite, error.description)
    }
  }

  /// Where the picture is drawn to.
  var temporaryPath: String { file.temporaryPath }
  /// Where the picture will be, as the user named the folder.
  var path: String { url.relativePath }

  /// - Throws: `CommandError` when the picture is not whole, which programs do not always notice when a disk is full, or
  ///   cannot be given its name.
  func finish() throws(CommandError) {
    guard isWhole else { throw .cannotWrite(path, reason: "it was not drawn to the end (is the disk full?)") }
    do {
      if isStream {
        guard let bytes = FileManager.default.contents(atPath: temporaryPath) else {
          throw TensorError.file(path: temporaryPath, problem: "cannot be read")
        }
        try writeFile(bytes, to: url.path)
        file.discard()
      } else {
        try file.finish()
      }
    } catch let error as TensorError {
      throw CommandError(.cannotWrite, error.description)
    } catch {
      throw CommandError.cannotWrite(path, reason: "\(error)")
    }
  }

  func discard() { file.discard() }

  /// Whether the file ends as the format does.
  private var isWhole: Bool {
    guard let bytes = try? Data(contentsOf: URL(filePath: temporaryPath), options: .mappedIfSafe) else { return false }
    let end =
      switch url.pathExtension.lowercased() {
      case "svg": Data("</svg>".utf8)
      case "png": Data("IEND".utf8)
      case "pdf": Data("%%EOF".utf8)
      case "gif": Data([0x3B])
      case let other: preconditionFailure("how a picture in \(other) ends is not known")
      }
    return bytes.suffix(16).range(of: end) != nil
  }
}
