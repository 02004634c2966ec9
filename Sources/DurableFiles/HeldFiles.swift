import Tensors

/// What workers of this process have made and are going to remove or rename: claims, tiles under temporary names, stores that
/// are not finished. A program that is told to end in the middle of work removes it with `releaseHeldFiles`.
package enum HeldFiles {
  private struct Held {
    var files: any FileSystem
    /// What the file must hold to be still ours; nil where its name is nobody else's.
    var contents: [UInt8]?
    /// Which of this process's workers holds it; nil where no other could.
    var owner: String?
    var isDirectory = false
  }

  /// The lock is held where something appears under a name or disappears.
  private static let held = Guarded<[String: Held]>([:])

  /// Creates a file that is held.
  package static func create(
    _ path: String, contents: [UInt8]? = nil, owner: String? = nil, _ files: some FileSystem
  ) throws(FileFailure) -> OpenFile {
    try held.withLock { (held) throws(FileFailure) in
      let file = try files.create(path)
      held[path] = Held(files: files, contents: contents, owner: owner)
      return file
    }
  }

  /// Makes a directory that is held.
  package static func makeDirectory(_ path: String, _ files: some FileSystem) throws(FileFailure) {
    try held.withLock { (held) throws(FileFailure) in
      try files.makeDirectory(path)
      held[path] = Held(files: files, isDirectory: true)
    }
  }

  /// Renames what is held; then it is held no longer.
  package static func rename(_ path: String, to newPath: String, _ files: some FileSystem) throws(FileFailure) {
    try held.withLock { (held) throws(FileFailure) in
      try files.rename(path, to: newPath)
      held[path] = nil
    }
  }

  /// Removes what is held unless it is somebody else's by now. What cannot be removed is left to others, who remove what is old.
  package static func remove(_ path: String, owner: String? = nil) {
    held.withLock { held in
      guard let item = held[path], item.owner == owner else { return }
      held[path] = nil
      remove(path, item)
    }
  }

  private static func remove(_ path: String, _ item: Held) {
    if item.isDirectory { return item.files.removeTree(path) }
    if let contents = item.contents, (try? item.files.read(path)) != contents { return }
    try? item.files.remove(path)
  }

  /// Removes all and does not return, so that nothing appears any more.
  package static func removeAll(andExit exit: () -> Never) -> Never {
    held.withLock { held in
      for (path, item) in held { remove(path, item) }
      exit()
    }
  }
}

/// Releases the claims of all workers of this process, and removes what they have written under temporary names, for a program
/// that is about to end in the middle of it. Nothing appears between that and the end.
package func releaseHeldFiles(andExit exit: () -> Never) -> Never {
  HeldFiles.removeAll(andExit: exit)
}
