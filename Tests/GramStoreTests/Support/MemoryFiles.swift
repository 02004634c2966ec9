import DurableFiles
import GramStore
import Platform
import Tensors
import TestSupport

/// Files in memory that forget what was not synchronized when they lose power, with a clock that tests set, and a fault in a chosen
/// call. The first part of a path is the name of the whole and means nothing.
final class MemoryFiles: FileSystem, @unchecked Sendable {
  enum Fault: Hashable, Sendable {
    /// The process ends in the middle of the call.
    case die
    /// The call fails, a write after half of its bytes.
    case fail(Int32)
  }

  private final class Node {
    var bytes: [UInt8] = []
    /// What would be there after a loss of power; nil before the first synchronization.
    var synchronized: [UInt8]?
    /// nil for a file.
    var entries: [String: Node]?
    var synchronizedEntries: [String: Node] = [:]
    var modified = 0.0

    init(isDirectory: Bool) { entries = isDirectory ? [:] : nil }

    func copy() -> Node {
      // A node may have an old name and a new one.
      var copies: [ObjectIdentifier: Node] = [:]
      func copy(_ node: Node) -> Node {
        if let known = copies[ObjectIdentifier(node)] { return known }
        let result = Node(isDirectory: node.entries != nil)
        copies[ObjectIdentifier(node)] = result
        (result.bytes, result.synchronized, result.modified) = (node.bytes, node.synchronized, node.modified)
        result.entries = node.entries?.mapValues(copy)
        result.synchronizedEntries = node.synchronizedEntries.mapValues(copy)
        return result
      }
      return copy(self)
    }
  }

  private static let names = Guarded(0)

  let name: String
  private let lock = Lock()
  private var root = Node(isDirectory: true)
  private var open: [Int32: Node] = [:]
  private var nextDescriptor: Int32 = 3
  private var fault: (call: Int, kind: Fault)?
  private(set) var isDead = false
  private(set) var calls = 0
  private(set) var faultedOperation: String?
  var time = 1e6
  /// Bytes that a write takes at most.
  var mostPerWrite = 700

  init() {
    name = Self.names.withLock { count in
      count += 1
      return "/memory-\(count)"
    }
  }

  /// Another with the same files.
  func copy() -> MemoryFiles {
    let result = MemoryFiles()
    result.root = root.copy()
    (result.time, result.mostPerWrite) = (time, mostPerWrite)
    return result
  }

  /// From now on call `call` has a fault, counted from 0.
  func plan(_ kind: Fault?, at call: Int) {
    (calls, isDead, faultedOperation) = (0, false, nil)
    fault = kind.map { (call, $0) }
  }

  /// Whether the fault has come.
  var hasFailed: Bool { faultedOperation != nil }

  /// Starts again after a loss of power.
  ///
  /// - Parameter numbers: what was not synchronized is there or not by chance, and bytes may be half there; nil where all of it is
  ///   gone.
  func losePower(_ numbers: inout TestNumbers?) {
    var kept: [ObjectIdentifier: Node] = [:]
    func survivor(_ node: Node) -> Node {
      if let known = kept[ObjectIdentifier(node)] { return known }
      let result = Node(isDirectory: node.entries != nil)
      kept[ObjectIdentifier(node)] = result
      result.modified = node.modified
      if let entries = node.entries {
        for name in Set(entries.keys).union(node.synchronizedEntries.keys).sorted() {
          let (now, before) = (entries[name], node.synchronizedEntries[name])
          let isKept = now === before || numbers.map { _ in numbers!.below(2) == 0 } ?? false
          if let child = isKept ? now : before { result.entries?[name] = survivor(child) }
        }
        result.synchronizedEntries = result.entries ?? [:]
        return result
      }
      if node.synchronized == node.bytes || numbers == nil {
        result.bytes = node.synchronized ?? []
      } else {
        let count = numbers!.below(node.bytes.count + 1)
        result.bytes = Array(node.bytes[..<count]) + [UInt8](repeating: 0, count: numbers!.below(2) * 100)
      }
      result.synchronized = result.bytes
      return result
    }
    root = survivor(root)
    open = [:]
    plan(nil, at: 0)
  }

  /// All files by their paths, without directories of claims and temporary files.
  func snapshot(below path: String) -> [String: [UInt8]] {
    var result: [String: [UInt8]] = [:]
    func visit(_ node: Node, _ path: String) {
      guard let entries = node.entries else {
        result[path] = node.bytes
        return
      }
      for (name, child) in entries where !name.hasPrefix(".") { visit(child, path + "/" + name) }
    }
    if let node = find(path) { visit(node, "") }
    return result
  }

  /// Changes the bytes of a file behind everybody's back.
  func corrupt(_ path: String, _ change: (inout [UInt8]) -> Void) {
    guard let node = find(path) else { return }
    change(&node.bytes)
    node.synchronized = node.bytes
  }

  // MARK: - The tree

  private func parts(_ path: String) -> [String] { path.split(separator: "/").dropFirst().map(String.init) }

  private func find(_ path: String) -> Node? {
    var node: Node? = root
    for part in parts(path) { node = node?.entries?[part] }
    return node
  }

  private func directory(of path: String) -> (node: Node, name: String)? {
    let parts = parts(path)
    guard let name = parts.last else { return nil }
    var node: Node? = root
    for part in parts.dropLast() { node = node?.entries?[part] }
    guard let node, node.entries != nil else { return nil }
    return (node, name)
  }

  /// Does what a call does, or what is left of it where it has a fault.
  private func call<Result>(
    _ operation: String, _ path: String, half: () -> Void = {}, _ body: () -> (Result?, code: Int32)
  ) throws(FileFailure) -> Result {
    try lock.withLock { () throws(FileFailure) in
      if isDead { throw FileFailure(operation, path, EIO) }
      defer { calls += 1 }
      if let fault, fault.call == calls {
        half()
        faultedOperation = operation
        switch fault.kind {
        case .die:
          isDead = true
          throw FileFailure(operation, path, EIO)
        case .fail(let code): throw FileFailure(operation, path, code)
        }
      }
      time += 1e-3
      let (result, code) = body()
      guard let result else { throw FileFailure(operation, path, code) }
      return result
    }
  }

  // MARK: - FileSystem

  func makeDirectory(_ path: String) throws(FileFailure) {
    try call("make the directory", path) { () -> (Void?, code: Int32) in
      guard let (parent, name) = directory(of: path) else { return (nil, ENOENT) }
      guard parent.entries?[name] == nil else { return (nil, EEXIST) }
      parent.entries?[name] = Node(isDirectory: true)
      return ((), 0)
    }
  }

  func names(in directory: String) throws(FileFailure) -> [String] {
    try call("list", directory) {
      guard let node = find(directory) else { return (nil, ENOENT) }
      return node.entries.map { (Array($0.keys), 0) } ?? (nil, ENOTDIR)
    }
  }

  func status(of path: String) throws(FileFailure) -> FileStatus {
    try call("examine", path) {
      find(path).map { (FileStatus(byteCount: $0.bytes.count, modified: $0.modified), 0) } ?? (nil, ENOENT)
    }
  }

  func read(_ path: String) throws(FileFailure) -> [UInt8] {
    try call("read", path) {
      guard let node = find(path) else { return (nil, ENOENT) }
      return node.entries == nil ? (node.bytes, 0) : (nil, EISDIR)
    }
  }

  func create(_ path: String) throws(FileFailure) -> OpenFile {
    try call("create", path) {
      guard let (parent, name) = directory(of: path) else { return (nil, ENOENT) }
      guard parent.entries?[name] == nil else { return (nil, EEXIST) }
      let node = Node(isDirectory: false)
      node.modified = time
      parent.entries?[name] = node
      open[nextDescriptor] = node
      nextDescriptor += 1
      return (OpenFile(descriptor: nextDescriptor - 1, path: path), 0)
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer, to file: OpenFile) throws(FileFailure) -> Int {
    let count = min(bytes.count, mostPerWrite)
    func append(_ count: Int) -> Bool {
      guard let node = open[file.descriptor] else { return false }
      node.bytes += bytes[..<count]
      node.modified = time
      return true
    }
    return try call("write", file.path, half: { _ = append(count / 2) }) { append(count) ? (count, 0) : (nil, EBADF) }
  }

  func synchronize(_ file: OpenFile) throws(FileFailure) {
    try call("synchronize", file.path) { () -> (Void?, code: Int32) in
      guard let node = open[file.descriptor] else { return (nil, EBADF) }
      node.synchronized = node.bytes
      return ((), 0)
    }
  }

  /// Where it fails, half of the bytes have never come to the machine that was to hold them.
  func close(_ file: OpenFile) throws(FileFailure) {
    func lose() {
      guard let node = open.removeValue(forKey: file.descriptor) else { return }
      node.bytes.removeLast(node.bytes.count / 2)
      node.synchronized = node.bytes
    }
    try call("close", file.path, half: lose) { () -> (Void?, code: Int32) in
      open.removeValue(forKey: file.descriptor) == nil ? (nil, EBADF) : ((), 0)
    }
  }

  func rename(_ path: String, to newPath: String) throws(FileFailure) {
    try call("rename", path) { () -> (Void?, code: Int32) in
      guard let (parent, name) = directory(of: path), let node = parent.entries?[name],
        let (newParent, newName) = directory(of: newPath)
      else { return (nil, ENOENT) }
      if let other = newParent.entries?[newName]?.entries, !other.isEmpty || node.entries == nil {
        return (nil, node.entries == nil ? EISDIR : ENOTEMPTY)
      }
      parent.entries?[name] = nil
      newParent.entries?[newName] = node
      return ((), 0)
    }
  }

  func remove(_ path: String) throws(FileFailure) {
    try call("remove", path) { () -> (Void?, code: Int32) in
      guard let (parent, name) = directory(of: path), let node = parent.entries?[name] else { return (nil, ENOENT) }
      guard node.entries == nil else { return (nil, EISDIR) }
      parent.entries?[name] = nil
      return ((), 0)
    }
  }

  func removeDirectory(_ path: String) throws(FileFailure) {
    try call("remove", path) { () -> (Void?, code: Int32) in
      guard let (parent, name) = directory(of: path), let node = parent.entries?[name] else { return (nil, ENOENT) }
      guard let entries = node.entries else { return (nil, ENOTDIR) }
      guard entries.isEmpty else { return (nil, ENOTEMPTY) }
      parent.entries?[name] = nil
      return ((), 0)
    }
  }

  func synchronizeDirectory(_ path: String) throws(FileFailure) {
    try call("synchronize", path) { () -> (Void?, code: Int32) in
      guard let node = find(path), let entries = node.entries else { return (nil, ENOENT) }
      node.synchronizedEntries = entries
      return ((), 0)
    }
  }

  func touch(_ path: String) throws(FileFailure) {
    try call("touch", path) { () -> (Void?, code: Int32) in
      guard let node = find(path) else { return (nil, ENOENT) }
      node.modified = time
      return ((), 0)
    }
  }

  func freeSpace(at path: String) throws(FileFailure) -> Int { 1 << 40 }
}
