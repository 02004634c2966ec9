import Foundation
import Testing

@testable import DataFiles
@testable import Tensors

@Suite("Files of data in any format", .serialized)
struct DataFileTests {
  enum Container: String, CaseIterable { case plain, gzip, zlib }
  enum Source: String, CaseIterable { case file, pipe }

  /// A file of each format and the shape of its array.
  enum Example: String, CaseIterable {
    case table, npy, npz, idx, cifar10, cifar100

    var name: String { self == .cifar10 || self == .cifar100 ? "batch.bin" : "data" }

    var bytes: Data {
      get throws {
        switch self {
        case .table: Data("a,b\n1,2\n3,4.5\n".utf8)
        case .npy: try FileFixtures.bytes("little-f8.npy")
        case .npz: try FileFixtures.bytes("stored.npz")
        case .idx: try FileFixtures.bytes("images.idx")
        case .cifar10: Data([3] + [UInt8](repeating: 7, count: 3072))
        case .cifar100: Data([3, 42] + [UInt8](repeating: 7, count: 3072))
        }
      }
    }

    var shape: [Int] {
      switch self {
      case .table: [2, 2]
      case .npy, .npz, .idx: [2, 3, 4]
      case .cifar10, .cifar100: [1, 32, 32, 3]
      }
    }
  }

  static func packed(_ bytes: Data, _ container: Container) throws -> Data {
    guard container != .plain else { return bytes }
    let deflated = try Compression.deflated(bytes)
    if container == .gzip {
      let checksum = bytes.withUnsafeBytes { Compression.checksum($0) }
      func little(_ value: UInt32) -> Data { withUnsafeBytes(of: value.littleEndian) { Data($0) } }
      return Data([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]) + deflated + little(checksum) + little(UInt32(bytes.count))
    }
    var (a, b): (UInt32, UInt32) = (1, 0)
    for byte in bytes { (a, b) = ((a + UInt32(byte)) % 65521, (b + (a + UInt32(byte)) % 65521) % 65521) }
    let checksum = b << 16 | a
    return Data([0x78, 0x9C]) + deflated + withUnsafeBytes(of: checksum.bigEndian) { Data($0) }
  }

  /// Calls `body` with a name under which `bytes` can be read once.
  private func with<Result>(
    _ bytes: Data, named name: String, _ source: Source, _ body: (String) throws -> Result
  ) throws -> Result {
    try FileFixtures.withFolder { folder in
      let path = "\(folder)/\(name)"
      guard source == .pipe else {
        try bytes.write(to: URL(fileURLWithPath: path))
        return try body(path)
      }
      #expect(mkfifo(path, 0o600) == 0)
      let writer = Thread {
        // Not FileHandle, whose errors would end the tests.
        let descriptor = open(path, O_WRONLY)
        bytes.withUnsafeBytes { raw in
          var rest = raw[...]
          while !rest.isEmpty {
            let written = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            guard written > 0 else { break }
            rest = rest.dropFirst(written)
          }
        }
        close(descriptor)
      }
      writer.start()
      return try body(path)
    }
  }

  @Test(
    "every format is recognised by its contents, plain and compressed, from files and pipes",
    arguments: Example.allCases,
    Container.allCases)
  func formats(_ example: Example, _ container: Container) throws {
    for source in Source.allCases {
      let bytes = try Self.packed(example.bytes, container)
      let suffix = example == .npz ? ":x" : ""
      try with(bytes, named: example.name, source) { path in
        // Of the other kind of batch, a record is no whole one.
        let file = try DataFile(at: path + suffix)
        #expect(file.format.rawValue == example.rawValue && file.path == path)
        #expect(try file.array().tensor.shape == example.shape)
      }
    }
  }

  @Test("what compression holds is found out, too, and damage is an error", arguments: [Container.gzip, .zlib])
  func damaged(_ container: Container) throws {
    for example in [Example.npy, .idx, .table] {
      let bytes = try Self.packed(example.bytes, container)
      for count in stride(from: 3, to: bytes.count, by: 5) {
        #expect(throws: TensorError.self, "\(example) cut off at \(count)") {
          try DataFile(FileBytes(path: "t", part: "", bytes: bytes.prefix(count))).array()
        }
      }
    }
  }

  @Test("a batch whose name does not say so is one by its option or its suffix")
  func cifarByName() throws {
    try FileFixtures.withFile(Example.cifar100.bytes, named: "data") { path in
      #expect(throws: TensorError.self) { try DataFile(at: path).array() }
      let file = try DataFile(at: path + ":cifar100")
      #expect(file.arrayNames == ["images", "labels", "coarse_labels"])
      #expect(try file.array("labels").tensor.scalars(as: Int32.self) == [42])
      let options = TableFixtures.options { $0.format = .cifar100 }
      #expect(try DataFile(at: path + ":coarse_labels", options: options).array().tensor.scalars(as: Int32.self) == [3])
      let found = FileFixtures.message { try DataFile(at: path + ":cifar10") } ?? ""
      #expect(found.contains("expected a multiple of 3073 (cifar10) bytes, found 3074"), "\(found)")
    }
  }

  @Test("one array needs no name, of several the error lists the names")
  func arrays() throws {
    let several = try FileFixtures.path("stored.npz")
    #expect(
      FileFixtures.message { try DataFile(at: several).array() }
        == "\(several): arrays: expected the name of one, as in \(several):x, found none, and the file has \"x\", \"labels\""
    )
    #expect(try DataFile(at: several + ":labels").array().tensor.scalars(as: Int32.self) == [3, 1, 2])
    #expect(
      FileFixtures.message { try DataFile(at: several + ":y").array() }
        == "\(several): array y: expected one of \"x\", \"labels\", found no such array")
    try FileFixtures.withFolder { folder in
      try NpzArchive.write([("only", Tensor([1.5, 2.5]))], to: "\(folder)/a:b.npz")
      #expect(try DataFile(at: "\(folder)/a:b.npz").array().tensor.shape == [2])
      #expect(try DataFile(at: "\(folder)/a:b.npz:only").array().tensor.shape == [2])
      try NpzArchive.write([("c:d", Tensor([1.5])), ("e", Tensor([1.5, 2]))], to: "\(folder)/colons.npz")
      #expect(try DataFile(at: "\(folder)/colons.npz:c:d").array().tensor.shape == [1])
      try NpzArchive.write([("x", Tensor.ones([3, 2])), ("y", Tensor([1.0, 2, 3]))], to: "\(folder)/xy.npz")
      let table = try DataFile(at: "\(folder)/xy.npz").table()
      #expect(TableFixtures.summary(table) == "x0: 1 1 1; x1: 1 1 1; y: 1 2 3" && table.place(row: 2) == "row 3")
    }
    let npy = try FileFixtures.path("little-f8.npy")
    #expect(
      FileFixtures.message { try DataFile(at: npy + ":x").array() }
        == "\(npy): array x: expected a file with named arrays, found one array, which has no name")
  }

  @Test("integers that int32 cannot hold become float64, with a note where that rounds")
  func wideIntegers() throws {
    let reading = try DataFile(at: FileFixtures.path("too-large-i8.npy")).array()
    #expect(reading.tensor.dtype == .float64 && reading.notes.isEmpty)
    #expect(reading.tensor.scalars(as: Double.self).contains(2_147_483_648))
    for (type, words, expected) in [
      ("<i8", [UInt64(bitPattern: -9_007_199_254_740_993), 5], [-9_007_199_254_740_992.0, 5]),
      ("<u8", [18_446_744_073_709_551_615, 0], [18_446_744_073_709_551_616, 0]),
      (">i8", [UInt64(1 << 53 + 1).byteSwapped, UInt64(1).byteSwapped], [9_007_199_254_740_992, 1]),
    ] as [(String, [UInt64], [Double])] {
      var bytes = NpyHeader(type: "f8", isBigEndian: false, isFortranOrder: false, shape: [2]).encoded()
      let place = try #require(bytes.firstRange(of: Data("<f8".utf8)))
      bytes.replaceSubrange(place, with: Data(type.utf8))
      for word in words { withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) } }
      let reading = try DataFile(FileBytes(path: "w.npy", part: "", bytes: bytes)).array()
      #expect(reading.tensor.scalars(as: Double.self) == expected)
      #expect(reading.notes.map(\.description).first?.hasPrefix("w.npy: element 0: ") == true, "\(reading.notes)")
      #expect(reading.notes.first?.message.contains("is rounded to float64") == true)
      try FileFixtures.withFile(bytes) { path in
        let found = FileFixtures.message { try Tensor(npyAt: path) } ?? ""
        #expect(found.contains("element 0: expected integers that float64 holds exactly"), "\(found)")
      }
    }
  }

  private static let foreignFiles: [([UInt8], String)] = [
    ([0x28, 0xB5, 0x2F, 0xFD, 0], "zstd"), ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "xz"),
    ([0x42, 0x5A, 0x68, 0x39], "bzip2"),
    (Array("PAR1....".utf8), "Parquet"), ([0x89, 0x48, 0x44, 0x46], "HDF5"), ([0x89, 0x50, 0x4E, 0x47], "PNG"),
    ([0x80, 0x04, 0x95], "pickle"),
  ]

  @Test(
    "files of other programs are named with a way on",
    arguments: foreignFiles)
  func foreign(bytes: [UInt8], name: String) {
    let found = FileFixtures.message { try DataFile(FileBytes(path: "t", part: "", bytes: Data(bytes))) } ?? ""
    #expect(found.hasPrefix("t: byte 0: expected a table, or an NPY, NPZ, IDX or CIFAR file, found a"), "\(found)")
    #expect(found.contains(name))
  }

  @Test("an archive without arrays, a folder, and what is not there are said")
  func others() throws {
    try FileFixtures.withFolder { folder in
      var writer = try ZipWriter(to: "\(folder)/book.xlsx")
      try Data("x".utf8).withRawBytes { (bytes) throws(TensorError) in
        try writer.add("xl/workbook.xml", [bytes], isDeflated: false)
      }
      try writer.finish()
      let found = FileFixtures.message { try DataFile(at: "\(folder)/book.xlsx") } ?? ""
      #expect(found.contains("an Excel workbook is to be saved as CSV"), "\(found)")
      #expect(FileFixtures.message { try DataFile(at: folder) } == "\(folder): is a directory, expected a file")
      #expect(FileFixtures.message { try DataFile(at: "\(folder)/no") } == "\(folder)/no: no such file")
      #expect(FileFixtures.message { try DataFile(at: "\(folder)/no:x") } == "\(folder)/no:x: no such file")
      try Tensor([1.0]).writeNpy(to: "\(folder)/x.npy")
      let table = FileFixtures.message { try Table(csvAt: "\(folder)/x.npy") } ?? ""
      #expect(table.contains("expected a table of delimited text, found NPY data, which DataFile reads"), "\(table)")
    }
  }
}

extension Compression {
  static func deflated(_ bytes: Data) throws(TensorError) -> Data {
    try bytes.withRawBytes { (raw) throws(TensorError) in try deflate([raw], path: "test") }
  }
}
