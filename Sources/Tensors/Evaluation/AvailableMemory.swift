import Platform

/// How much memory this process can still take, in bytes.
package enum AvailableMemory {
  /// In place of what the system says: for tests.
  @TaskLocal package static var assumed: Int?

  /// What the system can give without swapping, and not more than the limits of the control groups that the process is in
  /// leave; the whole memory of the machine where the system does not tell.
  package static var bytes: Int {
    if let assumed { return assumed }
    let physical = Computer.physicalMemory
    #if os(Linux)
      let system = meminfo() ?? physical
      return max(0, min(system, ControlGroups.room() ?? system, limitsRoom() ?? system))
    #else
      return physical
    #endif
  }

  /// Whether the process has a limit on its address space, as `ulimit -v` sets it.
  package static var hasAddressLimit: Bool {
    #if os(Linux)
      var limit = rlimit()
      return getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0 && limit.rlim_cur < 1 << 60
    #else
      return false
    #endif
  }

  /// Whether so many bytes are available. A few megabytes are not worth asking the system for.
  package static func covers(_ bytes: Double) -> Bool {
    (assumed == nil && bytes < Double(1 << 24)) || bytes <= Double(Self.bytes)
  }

  #if os(Linux)
    /// What the limits of the process on its address space and its data leave, as `ulimit -v` and `-d` set them; nil without any.
    private static func limitsRoom() -> Int? {
      guard let words = contents("/proc/self/statm")?.split(separator: " "), words.count >= 6,
        let addresses = Int(words[0]), let data = Int(words[5])
      else { return nil }
      let page = Int(getpagesize())
      var least: Int?
      for (resource, used) in [(RLIMIT_AS, addresses * page), (RLIMIT_DATA, data * page)] {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0, limit.rlim_cur < 1 << 60 else { continue }
        // Freed memory comes back in pieces, and threads and libraries want addresses, too: a tenth is theirs.
        let room = Int(limit.rlim_cur) / 10 * 9 - used
        least = min(least ?? room, room)
      }
      return least
    }

    /// `MemAvailable`: free memory and what the kernel would drop for it.
    private static func meminfo() -> Int? {
      guard let text = contents("/proc/meminfo") else { return nil }
      for line in text.split(separator: "\n") where line.hasPrefix("MemAvailable:") {
        let words = line.split(whereSeparator: \.isWhitespace)
        if words.count >= 2, let kilobytes = Int(words[1]) { return kilobytes * 1024 }
      }
      return nil
    }
  #endif

  /// A small file as text; files below /proc and /sys do not say how long they are.
  fileprivate static func contents(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 14)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }
}

/// The memory that control groups, such as those of a container, leave to this process.
///
/// *Source:* Linux, Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst.
package struct ControlGroups {
  /// Where the hierarchies are mounted.
  let root: String
  /// The lines of /proc/self/cgroup: hierarchy, controllers, path.
  let membership: String

  package init(root: String, membership: String) {
    (self.root, self.membership) = (root, membership)
  }

  static func room() -> Int? {
    guard let membership = AvailableMemory.contents("/proc/self/cgroup") else { return nil }
    return ControlGroups(root: "/sys/fs/cgroup", membership: membership).room
  }

  /// The least that any group on the way to the root leaves; nil where none has a limit.
  package var room: Int? {
    var least: Int?
    for line in membership.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let controllers = fields[1].split(separator: ",")
      let isUnified = fields[0] == "0" && controllers.isEmpty
      guard isUnified || controllers.contains("memory") else { continue }
      let folder = isUnified ? root : root + "/memory"
      // Inside a container the path may be that of the host, of which nothing but the group itself is mounted.
      var path = fields[2].split(separator: "/")[...]
      while true {
        if let room = room(of: ([folder[...]] + path).joined(separator: "/"), isUnified: isUnified) {
          least = min(least ?? room, room)
        }
        if path.popLast() == nil { break }
      }
    }
    return least
  }

  private func room(of folder: String, isUnified: Bool) -> Int? {
    let (limitName, usageName, cacheName) =
      isUnified
      ? ("memory.max", "memory.current", "inactive_file")
      : ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    // "max" is no limit; the first version has a very large number for it.
    guard let limit = number(folder + "/" + limitName), limit < 1 << 60, let usage = number(folder + "/" + usageName)
    else { return nil }
    // Pages of files that nobody used for a while are dropped before anything fails.
    let cache = statistic(folder + "/memory.stat", cacheName) ?? 0
    return max(0, limit - usage + min(cache, usage))
  }

  private func number(_ path: String) -> Int? {
    AvailableMemory.contents(path)?.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) }
  }

  private func statistic(_ path: String, _ name: String) -> Int? {
    guard let text = AvailableMemory.contents(path) else { return nil }
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 2, words[0] == name { return Int(words[1]) }
    }
    return nil
  }
}
