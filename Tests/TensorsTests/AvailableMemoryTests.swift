import Foundation
import Tensors
import Testing

@Suite("Available memory")
struct AvailableMemoryTests {
  @Test("is something, and no more than the machine has")
  func system() {
    #expect(AvailableMemory.bytes > 0 && AvailableMemory.bytes <= Int(ProcessInfo.processInfo.physicalMemory))
  }

  /// A folder with files, for the time of the test.
  private func withFiles(_ files: [String: String], _ body: (String) throws -> Void) throws {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent("groups-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    for (name, text) in files {
      let file = root.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    try body(root.path)
  }

  @Test("is what the tightest control group on the way to the root leaves")
  func unified() throws {
    try withFiles([
      "memory.max": "max\n", "memory.current": "100\n", "a/memory.max": "5000\n", "a/memory.current": "4500\n",
      "a/memory.stat": "anon 4000\ninactive_file 300\n", "a/b/memory.max": "4000\n", "a/b/memory.current": "1000\n",
    ]) { root in
      #expect(ControlGroups(root: root, membership: "0::/a/b\n").room == 800)
      #expect(ControlGroups(root: root, membership: "0::/a/b\n1:cpu:/a\n").room == 800)
      #expect(ControlGroups(root: root, membership: "0::/\n").room == nil)
      // The path of the host, of which the container sees only the root.
      #expect(ControlGroups(root: root + "/a", membership: "0::/docker/0123\n").room == 800)
    }
  }

  @Test("knows the first version of control groups, in which a very large number is no limit")
  func firstVersion() throws {
    try withFiles([
      "memory/memory.limit_in_bytes": "9223372036854771712\n", "memory/memory.usage_in_bytes": "100\n",
      "memory/c/memory.limit_in_bytes": "3000\n", "memory/c/memory.usage_in_bytes": "2900\n",
      "memory/c/memory.stat": "total_inactive_file 50\n",
    ]) { root in
      #expect(ControlGroups(root: root, membership: "9:memory:/c\n3:cpu,cpuacct:/\n").room == 150)
      #expect(ControlGroups(root: root, membership: "9:memory:/\n").room == nil)
      #expect(ControlGroups(root: root, membership: "").room == nil)
    }
  }
}
