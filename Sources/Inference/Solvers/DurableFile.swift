import DurableFiles
import Platform
import Tensors

/// Numbers in a file that is there whole or not at all: written under another name, synchronized and renamed.
///
/// A file begins with 32 bytes: a mark, what it belongs to, how many numbers there are, and a checksum of them.
struct DurableFile {
  let path: String
  /// What the file belongs to: of another number it is not read.
  let fingerprint: UInt64
  let files: any FileSystem

  private static let mark: UInt64 = 0x3130_564c_4f53_544e
  static let headerBytes = 32

  private func failure(_ what: String, _ failure: FileFailure) -> PredictionError {
    .storage(argument: path, reason: "\(what): \(failure.reason)")
  }

  func write(_ tensor: Tensor) throws(PredictionError) {
    let header = [Self.mark, fingerprint, UInt64(tensor.count), Self.checksum(tensor)]
    do throws(FileFailure) {
      let temporary = "\(path).\(getpid())\(Self.suffix)"
      // Of a process that had this one's number.
      if !files.isMissing(temporary) { try files.remove(temporary) }
      let failure = header.withUnsafeBytes { header in
        tensor.withUnsafeBuffer(of: Double.self) { body -> FileFailure? in
          do throws(FileFailure) {
            try files.writeWhole([header, UnsafeRawBufferPointer(body)], to: path, temporary: temporary)
            return nil
          } catch {
            return error
          }
        }
      }
      if let failure { throw failure }
    } catch {
      throw failure("cannot be written", error)
    }
  }

  private static let suffix = ".part"

  /// Removes what processes of this machine that are no more have left of files in a folder.
  ///
  /// - Parameter prefixes: what names of the files that are meant begin with.
  static func sweep(_ folder: String, _ prefixes: [String], _ files: any FileSystem) {
    for name in (try? files.names(in: folder)) ?? []
    where name.hasSuffix(suffix) && prefixes.contains(where: name.hasPrefix) {
      let words = name.dropLast(suffix.count).split(separator: ".")
      guard words.count >= 2, let process = words.last.flatMap({ pid_t($0) }) else { continue }
      if kill(process, 0) != 0, errno == ESRCH { try? files.remove("\(folder)/\(name)") }
    }
  }

  /// Whether the file is there, whole, and belongs to the fingerprint; with `verifies` its checksum is looked at, too.
  func holds(_ count: Int, verifies: Bool) throws(PredictionError) -> Bool {
    guard verifies else { return try header()?.count == count }
    return try read([count]) != nil
  }

  /// Nil where the file is not there, is of something else, or has not the size that it says.
  private func header() throws(PredictionError) -> (count: Int, checksum: UInt64)? {
    var header = [UInt64](repeating: 0, count: 4)
    do throws(FileFailure) {
      let size = try files.status(of: path).byteCount
      guard size >= Self.headerBytes else { return nil }
      try files.fill(&header, path, at: 0)
      guard header[0] == Self.mark, header[1] == fingerprint, let count = Int(exactly: header[2]),
        size == Self.headerBytes + 8 * count
      else { return nil }
      return (count, header[3])
    } catch {
      if error.code == ENOENT || error.code == ENODATA { return nil }
      throw failure("cannot be read", error)
    }
  }

  /// The numbers; nil where the file is not there, is of something else, or is damaged.
  func read(_ shape: [Int]) throws(PredictionError) -> Tensor? {
    guard let header = try header(), header.count == shape.product else { return nil }
    let result = try rows(0..<1, columns: 0..<header.count, of: header.count)
    return Self.checksum(result) == header.checksum ? result.reshaped(shape) : nil
  }

  /// A part of a matrix whose rows have `width` numbers.
  func rows(_ rows: Range<Int>, columns: Range<Int>, of width: Int) throws(PredictionError) -> Tensor {
    var failed: FileFailure?
    let result = Tensor(shape: [rows.count, columns.count], of: Double.self) { buffer in
      guard let start = buffer.baseAddress else { return }
      let bytes = 8 * columns.count
      let parts = rows.map { row in
        FilePart(
          offset: Self.headerBytes + 8 * (row * width + columns.lowerBound),
          target: UnsafeMutableRawBufferPointer(
            start: UnsafeMutableRawPointer(start) + (row - rows.lowerBound) * bytes, count: bytes))
      }
      do throws(FileFailure) { try files.read(path, parts) } catch { failed = error }
    }
    if let failed { throw failure("cannot be read", failed) }
    return result
  }

  /// Of 64-bit words in order.
  static func checksum(_ tensor: Tensor) -> UInt64 {
    tensor.withUnsafeBuffer(of: Double.self) { buffer in
      buffer.reduce(UInt64(buffer.count)) { mixed($0, $1.bitPattern) }
    }
  }

  static func mixed(_ sum: UInt64, _ word: UInt64) -> UInt64 {
    var sum = (sum ^ word) &* 0x9e37_79b9_7f4a_7c15
    sum ^= sum >> 29
    return sum
  }
}

extension FileSystem {
  /// Words of a file, from a place on.
  fileprivate func fill(_ words: inout [UInt64], _ path: String, at offset: Int) throws(FileFailure) {
    let failure = words.withUnsafeMutableBytes { target -> FileFailure? in
      do throws(FileFailure) {
        try read(path, [FilePart(offset: offset, target: target)])
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }
}

/// The x of conjugate gradients, so that a computation that was killed goes on from there.
struct Checkpoint {
  private let file: DurableFile
  private let shape: [Int]

  /// - Parameters:
  ///   - b: right-hand sides in rows.
  ///   - scale: the largest element of the matrix's diagonal.
  init(path: String, _ b: Tensor, shift: Double, scale: Double, files: any FileSystem) {
    let words = [shift.bitPattern, scale.bitPattern] + b.shape.map(UInt64.init)
    file = DurableFile(
      path: path, fingerprint: words.reduce(DurableFile.checksum(b), DurableFile.mixed), files: files)
    shape = b.shape
  }

  /// Nil where there is none of this computation.
  func read() throws(PredictionError) -> Tensor? { try file.read(shape) }

  func write(_ x: Tensor) throws(PredictionError) { try file.write(x) }
}
