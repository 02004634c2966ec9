import Foundation
import Testing

@testable import DataFiles
@testable import Tensors

@Suite("Files are written in full or not at all")
final class FileWriterTests {
  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "file-writer-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private func path(_ name: String) -> String { folder.appending(path: name).path }
  private func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }
  private var names: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path) } }

  @Test("until it is finished a file has another name in its folder, and the old one stays")
  func replacing() throws {
    try writeFile(Data("old".utf8), to: path("a"))
    let writer = try FileWriter(to: path("a"))
    try writer.write(Data("new".utf8))
    let unfinished = try names.filter { $0 != "a" }
    #expect(unfinished.count == 1 && unfinished.allSatisfy { $0.hasPrefix("a.") && $0.hasSuffix(".partial") })
    #expect(try text("a") == "old")
    try writer.finish()
    #expect(try names == ["a"] && text("a") == "new")
  }

  @Test("a writer that is given up removes what it wrote")
  func givingUp() throws {
    try writeFile(Data("old".utf8), to: path("a"))
    do {
      let writer = try FileWriter(to: path("a"))
      try writer.write(Data("new".utf8))
    }
    #expect(try names == ["a"] && text("a") == "old")
  }

  @Test("a file that is replaced keeps its permissions, and a new one has the usual ones")
  func permissions() throws {
    func mode(_ name: String) throws -> Int? {
      try FileManager.default.attributesOfItem(atPath: path(name))[.posixPermissions] as? Int
    }
    try writeFile(Data(), to: path("a"))
    FileManager.default.createFile(atPath: path("b"), contents: nil)
    let mask = umask(0)
    umask(mask)
    #expect(try mode("a") == Int(0o666 & ~mask))
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path("a"))
    try writeFile(Data("new".utf8), to: path("a"))
    #expect(try mode("a") == 0o640)
  }

  @Test("names may be as long as the system allows")
  func longNames() throws {
    let name = String(repeating: "ü", count: 127)
    try writeFile(Data("x".utf8), to: path(name))
    #expect(try names == [name])
  }

  @Test("a name that became a folder in the meantime is an error, and nothing is left")
  func folderInTheWay() throws {
    let writer = try FileWriter(to: path("a"))
    try FileManager.default.createDirectory(atPath: path("a/b"), withIntermediateDirectories: true)
    #expect(throws: TensorError.self) { try writer.finish() }
    #expect(try names == ["a"])
  }

  @Test("every format says when a device is full", arguments: ["npy", "npz", "csv"])
  func fullDevice(_ format: String) throws {
    let error = #expect(throws: TensorError.self) {
      switch format {
      case "npy": try Tensor.ones([1000]).writeNpy(to: "/dev/full")
      case "npz": try NpzArchive.write([("a", .ones([1000]))], to: "/dev/full")
      default: try CsvTable.write(header: ["a"], rows: [["1"]], to: "/dev/full")
      }
    }
    #expect(error?.description == "/dev/full: cannot be written: No space left on device")
  }

  @Test("an error in the middle of an archive leaves the old one")
  func archive() throws {
    try writeFile(Data("old".utf8), to: path("a.npz"))
    func fail() throws {
      var writer = try ZipWriter(to: path("a.npz"))
      try Data("part".utf8).withRawBytes { (bytes) throws(TensorError) in
        try writer.add("part", [bytes], isDeflated: false)
      }
      throw TensorError.file(path: "elsewhere", problem: "an error between two members")
    }
    #expect(throws: TensorError.self) { try fail() }
    #expect(try names == ["a.npz"] && text("a.npz") == "old")
  }
}
