import Platform

extension FileSystem {
  /// Writes a file so that it is there in full or not at all, at any moment and after a loss of power: under another name,
  /// synchronized, renamed, and its directory synchronized.
  ///
  /// After a failed synchronization the system may have dropped what it could not write, so nothing is tried again: the
  /// temporary file goes.
  ///
  /// - Parameters:
  ///   - path: replaced if it is there.
  ///   - temporary: nobody else's name on the same file system.
  package func writeWhole(_ bytes: UnsafeRawBufferPointer, to path: String, temporary: String) throws(FileFailure) {
    try writeWhole([bytes], to: path, temporary: temporary)
  }

  /// The same for bytes in several places.
  package func writeWhole(
    _ parts: [UnsafeRawBufferPointer], to path: String, temporary: String
  ) throws(FileFailure) {
    let file = try HeldFiles.create(temporary, self)
    do throws(FileFailure) {
      do throws(FileFailure) {
        for bytes in parts { try writeAll(bytes, to: file) }
        try synchronize(file)
      } catch {
        try? close(file)
        throw error
      }
      // Network file systems say only here that there was no space.
      try close(file)
      try rename(temporary, to: path, byteCount: parts.reduce(0) { $0 + $1.count })
    } catch {
      HeldFiles.remove(temporary)
      throw error
    }
    try synchronizeDirectory(parent(of: path))
  }

  /// The same for a text.
  package func writeWhole(_ text: String, to path: String, temporary: String) throws(FileFailure) {
    try Array(text.utf8).withRawBytes { (bytes) throws(FileFailure) in
      try writeWhole(bytes, to: path, temporary: temporary)
    }
  }

  package func writeAll(_ bytes: UnsafeRawBufferPointer, to file: OpenFile) throws(FileFailure) {
    var rest = bytes[...]
    while !rest.isEmpty {
      rest = rest.dropFirst(try write(UnsafeRawBufferPointer(rebasing: rest), to: file))
    }
  }

  /// A small file of a name that nobody else has, of whose bytes nothing depends after a loss of power.
  package func writePlain(_ text: [UInt8], to file: OpenFile) throws(FileFailure) {
    do throws(FileFailure) {
      try text.withRawBytes { (bytes) throws(FileFailure) in try writeAll(bytes, to: file) }
    } catch {
      try? close(file)
      throw error
    }
    try close(file)
  }

  private func rename(_ temporary: String, to path: String, byteCount: Int) throws(FileFailure) {
    do throws(FileFailure) {
      try HeldFiles.rename(temporary, to: path, self)
    } catch {
      guard error.code == ENOENT else { throw error }
      // A network file system may have asked twice, and been told the second time that the old name was gone.
      if isMissing(temporary) {
        guard let status = try? status(of: path), status.byteCount == byteCount else { throw error }
        return
      }
      // A store that was copied without its empty directories.
      try makeDirectories(parent(of: path))
      try HeldFiles.rename(temporary, to: path, self)
    }
  }

  /// Makes a directory and those above it that are not there, and sees to it that they stay.
  package func makeDirectories(_ path: String) throws(FileFailure) {
    do throws(FileFailure) {
      try makeDirectory(path)
    } catch {
      if error.code == EEXIST { return }
      let above = parent(of: path)
      guard error.code == ENOENT, above != path else { throw error }
      try makeDirectories(above)
      do throws(FileFailure) { try makeDirectory(path) } catch { guard error.code == EEXIST else { throw error } }
    }
    try synchronizeDirectory(parent(of: path))
  }

  package func isMissing(_ path: String) -> Bool {
    do throws(FileFailure) {
      _ = try status(of: path)
      return false
    } catch {
      return error.code == ENOENT
    }
  }

  /// Names in a directory; none where there is no such directory.
  package func namesIfAny(in directory: String) throws(FileFailure) -> [String] {
    do throws(FileFailure) {
      return try names(in: directory)
    } catch {
      guard error.code == ENOENT else { throw error }
      return []
    }
  }

  /// Removes a directory and all that is in it, as far as that can be done.
  package func removeTree(_ path: String) {
    for name in (try? names(in: path)) ?? [] {
      let inner = path + "/" + name
      do { try remove(inner) } catch { removeTree(inner) }
    }
    try? removeDirectory(path)
  }
}

extension [UInt8] {
  /// `withUnsafeBytes` for what throws failures of files.
  package func withRawBytes(_ body: (UnsafeRawBufferPointer) throws(FileFailure) -> Void) throws(FileFailure) {
    let failure = withUnsafeBytes { bytes -> FileFailure? in
      do throws(FileFailure) {
        try body(bytes)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }
}

/// The directory that a name is in.
package func parent(of path: String) -> String {
  let trimmed = path.hasSuffix("/") && path.count > 1 ? String(path.dropLast()) : path
  guard let slash = trimmed.lastIndex(of: "/") else { return "." }
  return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
}
