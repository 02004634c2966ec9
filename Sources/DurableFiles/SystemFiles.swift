import Platform

/// The files of the machine.
package struct SystemFiles: FileSystem {
  package init() {}

  package func makeDirectory(_ path: String) throws(FileFailure) {
    guard mkdir(path, 0o777) == 0 else { throw FileFailure("make the directory", path, errno) }
  }

  package func names(in directory: String) throws(FileFailure) -> [String] {
    guard let stream = opendir(directory) else { throw FileFailure("list", directory, errno) }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        guard errno == 0 else { throw FileFailure("list", directory, errno) }
        return names
      }
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: pointer.pointee)) {
          String(cString: $0)
        }
      }
      if name != ".", name != ".." { names.append(name) }
    }
  }

  package func status(of path: String) throws(FileFailure) -> FileStatus {
    var status = stat()
    guard stat(path, &status) == 0 else { throw FileFailure("examine", path, errno) }
    #if canImport(Darwin)
      let time = status.st_mtimespec
    #else
      let time = status.st_mtim
    #endif
    return FileStatus(byteCount: Int(status.st_size), modified: Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9)
  }

  package func read(_ path: String) throws(FileFailure) -> [UInt8] {
    let descriptor = try repeated("open", path) { open(path, O_RDONLY | O_CLOEXEC) }
    defer { Platform.close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileFailure("examine", path, errno) }
    let size = Int(status.st_size)
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while count < size {
        let read = Platform.read(descriptor, buffer.baseAddress! + count, min(size - count, 1 << 30))
        if read < 0, errno == EINTR { continue }
        if read < 0 { failure = errno }
        guard read > 0 else { return }
        count += read
      }
    }
    guard failure == 0 else { throw FileFailure("read", path, failure) }
    return bytes
  }

  package func read(_ path: String, _ parts: [FilePart]) throws(FileFailure) {
    let descriptor = try repeated("open", path) { open(path, O_RDONLY | O_CLOEXEC) }
    defer { Platform.close(descriptor) }
    for part in parts {
      var done = 0
      while done < part.target.count {
        let rest = min(part.target.count - done, 1 << 30)
        let count = pread(descriptor, part.target.baseAddress! + done, rest, off_t(part.offset + done))
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { throw FileFailure("read", path, errno) }
        guard count > 0 else { throw FileFailure("read", path, ENODATA) }
        done += count
      }
    }
  }

  package func create(_ path: String) throws(FileFailure) -> OpenFile {
    OpenFile(
      descriptor: try repeated("create", path) { open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o666) },
      path: path)
  }

  package func write(_ bytes: UnsafeRawBufferPointer, to file: OpenFile) throws(FileFailure) -> Int {
    // A limit on the size of files is told by a signal that ends the process, unless the thread does not hear of it.
    let limit = BlockedSignal(SIGXFSZ)
    defer { limit.restore() }
    while true {
      // Linux writes no more than 2 GiB at once.
      let count = Platform.write(file.descriptor, bytes.baseAddress, min(bytes.count, 1 << 30))
      if count >= 0 { return count }
      guard errno == EINTR else { throw FileFailure("write", file.path, errno) }
    }
  }

  package func synchronize(_ file: OpenFile) throws(FileFailure) {
    while fsync(file.descriptor) != 0 {
      guard errno == EINTR else { throw FileFailure("synchronize", file.path, errno) }
    }
  }

  package func close(_ file: OpenFile) throws(FileFailure) {
    // After an interruption the file is closed on Linux, and not to be closed again.
    guard Platform.close(file.descriptor) == 0 || errno == EINTR else { throw FileFailure("close", file.path, errno) }
  }

  package func rename(_ path: String, to newPath: String) throws(FileFailure) {
    guard Platform.rename(path, newPath) == 0 else { throw FileFailure("rename to \(newPath)", path, errno) }
  }

  package func remove(_ path: String) throws(FileFailure) {
    guard unlink(path) == 0 else { throw FileFailure("remove", path, errno) }
  }

  package func removeDirectory(_ path: String) throws(FileFailure) {
    guard rmdir(path) == 0 else { throw FileFailure("remove", path, errno) }
  }

  package func synchronizeDirectory(_ path: String) throws(FileFailure) {
    let descriptor = try repeated("open", path) { open(path, O_RDONLY | O_CLOEXEC) }
    defer { Platform.close(descriptor) }
    while fsync(descriptor) != 0 {
      if errno == EINTR { continue }
      // File systems that cannot synchronize names say so, and have nothing to be done about it; so have those that are only read.
      guard errno == EINVAL || errno == ENOTSUP || errno == EROFS else { throw FileFailure("synchronize", path, errno) }
      return
    }
  }

  package func touch(_ path: String) throws(FileFailure) {
    guard utimensat(AT_FDCWD, path, nil, 0) == 0 else { throw FileFailure("touch", path, errno) }
  }

  package func freeSpace(at path: String) throws(FileFailure) -> Int {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { throw FileFailure("examine", path, errno) }
    return Int(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
  }

  private func repeated(_ operation: String, _ path: String, _ call: () -> Int32) throws(FileFailure) -> Int32 {
    while true {
      let descriptor = call()
      if descriptor >= 0 { return descriptor }
      guard errno == EINTR else { throw FileFailure(operation, path, errno) }
    }
  }
}

/// A signal that this thread does not hear of for a while, and never hears of what came meanwhile.
private struct BlockedSignal {
  private let number: Int32
  private var before = sigset_t()

  init(_ number: Int32) {
    self.number = number
    var signals = only(number)
    pthread_sigmask(SIG_BLOCK, &signals, &before)
  }

  private func only(_ number: Int32) -> sigset_t {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, number)
    return signals
  }

  func restore() {
    let code = errno
    var (before, pending, signals) = (before, sigset_t(), only(number))
    // What was blocked before stays for whoever blocked it.
    if sigismember(&before, number) == 0 {
      var received: Int32 = 0
      sigpending(&pending)
      if sigismember(&pending, number) == 1 { sigwait(&signals, &received) }
    }
    pthread_sigmask(SIG_SETMASK, &before, nil)
    errno = code
  }
}
