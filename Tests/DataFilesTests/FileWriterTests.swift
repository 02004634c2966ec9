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
    _ = FileManager.default.createFile(atPath: path("b"), contents: nil)
    let mask = umask(0)
    umask(mask)
    #expect(try mode("a") == Int(0o666 & ~mask))
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path("a"))
    try writeFile(Data("new".utf8), to: path("a"))
    #expect(try mode("a") == 0o640)
  }

  @Test("links are followed, also to what is not there yet, and stay links")
  func links() throws {
    let manager = FileManager.default
    try manager.createDirectory(atPath: path("folder"), withIntermediateDirectories: true)
    try manager.createSymbolicLink(atPath: path("relative"), withDestinationPath: "folder/new")
    try manager.createSymbolicLink(atPath: path("folder/second"), withDestinationPath: path("relative"))
    for text in ["one", "two"] {
      try writeFile(Data(text.utf8), to: path("folder/second"))
      #expect(try self.text("folder/new") == text)
    }
    #expect(try manager.destinationOfSymbolicLink(atPath: path("relative")) == "folder/new")
    #expect(try manager.destinationOfSymbolicLink(atPath: path("folder/second")) == path("relative"))
    #expect(try manager.contentsOfDirectory(atPath: path("folder")).sorted() == ["new", "second"])
  }

  @Test("devices and pipes are written into and never replaced, whatever leads to them")
  func devices() throws {
    try FileManager.default.createSymbolicLink(atPath: path("null.csv"), withDestinationPath: "/dev/null")
    for name in ["/dev/null", path("null.csv")] {
      try writeFile(Data("x".utf8), to: name)
      #expect(FileStatus(at: "/dev/null")?.kind == .other)
      #expect(
        throws: TensorError.file(path: name, problem: "is a pipe or a device, expected the name of a file to write")
      ) {
        try TemporaryFile(for: name)
      }
    }
    #expect(try names == ["null.csv"])
  }

  @Test("a file is the same under all of its names")
  func sameFile() throws {
    try writeFile(Data("x".utf8), to: path("a"))
    try writeFile(Data("x".utf8), to: path("b"))
    try FileManager.default.createSymbolicLink(atPath: path("link"), withDestinationPath: "a")
    try FileManager.default.linkItem(atPath: path("a"), toPath: path("hard"))
    let status = try #require(FileStatus(at: path("a")))
    for name in ["a", "link", "hard"] {
      #expect(try #require(FileStatus(at: path(name))).isSameFile(as: status))
    }
    #expect(try !#require(FileStatus(at: path("b"))).isSameFile(as: status))
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
      default: try Table.writeCsv(header: ["a"], rows: [["1"]], to: "/dev/full")
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
