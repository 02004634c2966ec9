import Platform

/// What a store asks of the system's files, one call of the system each, so that tests can put something in its place that
/// fails at a chosen call or forgets what was not synchronized.
package protocol FileSystem: Sendable {
  /// Makes a directory whose parent exists.
  func makeDirectory(_ path: String) throws(FileFailure)
  /// Names in a directory, in no order.
  func names(in directory: String) throws(FileFailure) -> [String]
  /// Size and time of the last change, of a file or a directory.
  func status(of path: String) throws(FileFailure) -> FileStatus
  /// All bytes of a file.
  func read(_ path: String) throws(FileFailure) -> [UInt8]
  /// Parts of a file, in place; fails with ENODATA where the file ends before.
  func read(_ path: String, _ parts: [FilePart]) throws(FileFailure)
  /// Opens a file for writing that did not exist; fails with EEXIST where it did.
  func create(_ path: String) throws(FileFailure) -> OpenFile
  /// Appends some of the bytes and says how many.
  func write(_ bytes: UnsafeRawBufferPointer, to file: OpenFile) throws(FileFailure) -> Int
  /// Returns when all bytes of a file are on the disk.
  func synchronize(_ file: OpenFile) throws(FileFailure)
  /// Closes a file, whether that fails or not.
  func close(_ file: OpenFile) throws(FileFailure)
  /// Gives a file or a directory another name, in place of a file that has it already.
  func rename(_ path: String, to newPath: String) throws(FileFailure)
  /// Removes a file.
  func remove(_ path: String) throws(FileFailure)
  /// Removes an empty directory.
  func removeDirectory(_ path: String) throws(FileFailure)
  /// Returns when the names of a directory are on the disk.
  func synchronizeDirectory(_ path: String) throws(FileFailure)
  /// Sets the time of a file's last change to that of the machine that holds the file.
  func touch(_ path: String) throws(FileFailure)
  /// Bytes that are free where a directory is.
  func freeSpace(at path: String) throws(FileFailure) -> Int
}

extension FileSystem {
  /// For files that are not as large as to be worth more.
  package func read(_ path: String, _ parts: [FilePart]) throws(FileFailure) {
    let bytes = try read(path)
    for part in parts {
      guard part.offset + part.target.count <= bytes.count else { throw FileFailure("read", path, ENODATA) }
      part.target.copyBytes(from: bytes[part.offset..<part.offset + part.target.count])
    }
  }
}

/// Where bytes of a file begin, and where they are to go.
package struct FilePart {
  package let offset: Int
  package let target: UnsafeMutableRawBufferPointer

  package init(offset: Int, target: UnsafeMutableRawBufferPointer) {
    (self.offset, self.target) = (offset, target)
  }
}

/// A file that is open for writing.
package struct OpenFile: Sendable, Hashable {
  package let descriptor: Int32
  package let path: String

  package init(descriptor: Int32, path: String) {
    (self.descriptor, self.path) = (descriptor, path)
  }
}

/// What is known of a file without reading it.
package struct FileStatus: Sendable, Hashable {
  package var byteCount: Int
  /// Seconds since an epoch, by the clock of the machine that holds the file.
  package var modified: Double

  package init(byteCount: Int, modified: Double) {
    (self.byteCount, self.modified) = (byteCount, modified)
  }
}

/// A call of the system that failed.
package struct FileFailure: Error, Hashable, Sendable, CustomStringConvertible {
  package let operation: String
  package let path: String
  /// As in `errno`.
  package let code: Int32

  package init(_ operation: String, _ path: String, _ code: Int32) {
    (self.operation, self.path, self.code) = (operation, path, code)
  }

  /// `no space left on device`.
  package var reason: String {
    let text = String(cString: strerror(code))
    return text.prefix(1).lowercased() + text.dropFirst()
  }

  package var description: String { "\(path): cannot \(operation): \(reason)" }
}
