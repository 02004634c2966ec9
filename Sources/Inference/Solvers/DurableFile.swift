import Platform
import Tensors

/// Numbers in a file that is there whole or not at all: written under another name, synced and renamed.
///
/// A file begins with 32 bytes: a mark, what it belongs to, how many numbers there are, and a checksum of them.
struct DurableFile {
  let path: String
  /// What the file belongs to: of another number it is not read.
  let fingerprint: UInt64

  private static let mark: UInt64 = 0x3130_564c_4f53_544e
  static let headerBytes = 32

  private func failure(_ what: String) -> PredictionError {
    .storage(argument: path, reason: "\(what): \(String(cString: strerror(errno)))")
  }

  func write(_ tensor: Tensor) throws(PredictionError) {
    let temporary = "\(path).\(getpid()).part"
    let descriptor = open(temporary, O_CREAT | O_TRUNC | O_WRONLY, 0o644)
    guard descriptor >= 0 else { throw failure("cannot be written") }
    do throws(PredictionError) {
      var header = [Self.mark, fingerprint, UInt64(tensor.count), Self.checksum(tensor)]
      let headerResult = header.withUnsafeMutableBytes { Self.writeAll(descriptor, UnsafeRawBufferPointer($0)) }
      let bodyResult =
        headerResult
        && tensor.withUnsafeBuffer(of: Double.self) {
          Self.writeAll(descriptor, UnsafeRawBufferPointer($0))
        }
      guard bodyResult, fsync(descriptor) == 0 else { throw failure("cannot be written") }
    } catch {
      close(descriptor)
      unlink(temporary)
      throw error
    }
    // Some file systems say only here that there was no room.
    guard close(descriptor) == 0, rename(temporary, path) == 0 else {
      let error = failure("cannot be written")
      unlink(temporary)
      throw error
    }
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    let directory = open(folder.isEmpty ? "/" : folder, O_RDONLY)
    if directory >= 0 {
      fsync(directory)
      close(directory)
    }
  }

  private static func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Bool {
    var done = 0
    while done < bytes.count {
      let count = Platform.write(descriptor, bytes.baseAddress! + done, min(bytes.count - done, 1 << 30))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return false }
      done += count
    }
    return true
  }

  /// Whether the file is there, whole, and belongs to the fingerprint; with `verifies` its checksum is looked at, too.
  func holds(_ count: Int, verifies: Bool) -> Bool {
    guard let tensor = verifies ? try? read([count]) : nil else {
      return !verifies && (try? header())?.count == count && Self.size(of: path) == Self.headerBytes + 8 * count
    }
    return tensor.count == count
  }

  private static func size(of path: String) -> Int? {
    var information = stat()
    return stat(path, &information) == 0 ? Int(information.st_size) : nil
  }

  private func header() throws(PredictionError) -> (count: Int, checksum: UInt64)? {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var header = [UInt64](repeating: 0, count: 4)
    let count = header.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
    guard count == Self.headerBytes, header[0] == Self.mark, header[1] == fingerprint else { return nil }
    return (Int(header[2]), header[3])
  }

  /// The numbers; nil where the file is not there, is of something else, or is damaged.
  func read(_ shape: [Int]) throws(PredictionError) -> Tensor? {
    guard let header = try header(), header.count == shape.product,
      Self.size(of: path) == Self.headerBytes + 8 * header.count
    else { return nil }
    let result = try rows(0..<1, columns: 0..<header.count, of: header.count)
    return Self.checksum(result) == header.checksum ? result.reshaped(shape) : nil
  }

  /// A part of a matrix whose rows have `width` numbers.
  func rows(_ rows: Range<Int>, columns: Range<Int>, of width: Int) throws(PredictionError) -> Tensor {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { throw failure("cannot be read") }
    defer { close(descriptor) }
    var isWhole = true
    let result = Tensor(shape: [rows.count, columns.count], of: Double.self) { buffer in
      for row in rows {
        var (done, bytes) = (0, 8 * columns.count)
        let target = UnsafeMutableRawPointer(buffer.baseAddress!) + (row - rows.lowerBound) * bytes
        let start = Self.headerBytes + 8 * (row * width + columns.lowerBound)
        while done < bytes {
          let count = pread(descriptor, target + done, min(bytes - done, 1 << 30), off_t(start + done))
          if count < 0 && errno == EINTR { continue }
          if count <= 0 {
            isWhole = false
            bytes = done
          } else {
            done += count
          }
        }
      }
    }
    guard isWhole else { throw failure("cannot be read to its end") }
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

/// The x of conjugate gradients, so that a computation that was killed goes on from there.
struct Checkpoint {
  private let file: DurableFile
  private let shape: [Int]

  /// - Parameters:
  ///   - b: right-hand sides in rows.
  ///   - scale: the largest element of the matrix's diagonal.
  init(path: String, _ b: Tensor, shift: Double, scale: Double) {
    let words = [shift.bitPattern, scale.bitPattern] + b.shape.map(UInt64.init)
    file = DurableFile(path: path, fingerprint: words.reduce(DurableFile.checksum(b), DurableFile.mixed))
    shape = b.shape
  }

  /// Nil where there is none of this computation.
  func read() throws(PredictionError) -> Tensor? { try file.read(shape) }

  func write(_ x: Tensor) throws(PredictionError) { try file.write(x) }
}
