import Foundation
import Testing

@testable import DataFiles
@testable import Tensors

@Suite("NPY files")
struct NpyTests {
  static let integers = (0..<24).map { Int32($0) }

  @Test(
    "every number type in both byte orders reads as NumPy wrote it",
    arguments: ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"], ["little", "big"])
  func types(type: String, order: String) throws {
    let tensor = try Tensor(npyAt: FileFixtures.path("\(order)-\(type).npy"))
    #expect(tensor.shape == [2, 3, 4])
    switch type {
    case "f8": #expect(tensor.scalars(as: Double.self) == Self.integers.map { Double($0 - 7) / 4 })
    case "f2", "f4": #expect(tensor.scalars(as: Float.self) == Self.integers.map { Float($0 - 7) / 4 })
    case _ where type.hasPrefix("u"): #expect(tensor.scalars(as: Int32.self) == Self.integers)
    default: #expect(tensor.scalars(as: Int32.self) == Self.integers.map { $0 - 7 })
    }
  }

  @Test("Booleans, scalars and arrays without elements keep their types and shapes")
  func specialShapes() throws {
    #expect(
      try Tensor(npyAt: FileFixtures.path("bool.npy")).scalars(as: Bool.self) == Self.integers.map { $0 % 3 == 0 })
    let scalar = try Tensor(npyAt: FileFixtures.path("scalar.npy"))
    #expect(scalar.shape == [] && scalar.scalar(as: Double.self) == 2.5)
    let empty = try Tensor(npyAt: FileFixtures.path("empty.npy"))
    #expect(empty.shape == [3, 0, 2] && empty.dtype == .float32)
  }

  @Test("Fortran order is transposed into row-major order")
  func fortran() throws {
    let doubles = try Tensor(npyAt: FileFixtures.path("fortran-f8.npy"))
    #expect(doubles.shape == [2, 3, 4])
    #expect(doubles.scalars(as: Double.self) == Self.integers.map { Double($0 - 7) / 4 })
    let integers = try Tensor(npyAt: FileFixtures.path("fortran-big-i2.npy"))
    #expect(integers.scalars(as: Int32.self) == Self.integers.map { $0 - 7 })
  }

  @Test("format versions 2 and 3 read like version 1", arguments: [2, 3])
  func versions(version: Int) throws {
    let tensor = try Tensor(npyAt: FileFixtures.path("version\(version).npy"))
    #expect(tensor.scalars(as: Float.self) == Self.integers.map { Float($0 - 7) / 4 })
  }

  @Test("half-precision zeros, subnormals and infinities have the values of IEEE 754")
  func halves() throws {
    let values = try Tensor(npyAt: FileFixtures.path("half-specials.npy")).scalars(as: Float.self)
    #expect(values == [0, -0.0, 1, -2, 0x1p-24, 1023 * 0x1p-24, 65504, .infinity, -.infinity])
    #expect(values[1].sign == .minus)
    #expect(Float(halfPrecisionBits: 0x7E00).isNaN)
  }

  @Test(
    "what cannot be a tensor is refused by name",
    arguments: [
      ("complex.npy", "found complex numbers ('c16')"), ("text.npy", "found text ('U2')"),
      ("objects.npy", "found Python objects ('O')"), ("records.npy", "found a structured array"),
      ("stored.npz", "found the beginning of a zip archive (an NPZ file?)"),
    ])
  func refused(name: String, problem: String) throws {
    let path = try FileFixtures.path(name)
    let message = FileFixtures.message { try Tensor(npyAt: path) } ?? "nothing thrown"
    #expect(message.hasPrefix(path) && message.contains(problem), "\(message)")
  }

  @Test("written files are byte by byte NumPy's")
  func written() throws {
    try FileFixtures.withFolder { folder in
      for name in ["little-f4.npy", "little-f8.npy", "little-i4.npy", "bool.npy", "scalar.npy", "empty.npy"] {
        try Tensor(npyAt: FileFixtures.path(name)).writeNpy(to: "\(folder)/\(name)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")) == FileFixtures.bytes(name), "\(name)")
      }
      let vector = Tensor([1.5, 2.5] as [Float])
      try vector.writeNpy(to: "\(folder)/vector.npy")
      #expect(try Tensor(npyAt: "\(folder)/vector.npy").scalars(as: Float.self) == [1.5, 2.5])
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 7, "no temporary files are left")
    }
  }

  @Test("damaged files throw", arguments: ["big-i2.npy", "fortran-f8.npy", "scalar.npy", "version2.npy"])
  func damaged(name: String) throws {
    try FileFixtures.damage(FileFixtures.bytes(name)) { try Tensor(exactNpy: $0) }
  }

  @Test(
    "headers that lie are refused before memory is taken",
    arguments: [
      "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (9223372036854775807, 9223372036854775807), }",
      "{'descr': '<f8', 'fortran_order': True, 'shape': (0, 4611686018427387904, 4611686018427387904), }",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,), }",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }",
      "{'descr': '<f8', 'fortran_order': False}", "{'descr': '<f8', 'shape': (1,)", "{}", "", "{'descr",
      "{'descr': '', 'fortran_order': False, 'shape': (1,)}",
      "{'descr': '<f8', 'fortran_order': 0, 'shape': (1,)}", "{'order': 1}",
      "{'descr': '<f8', 'fortran_order': False, 'shape': (" + String(repeating: "1,", count: 100) + ")}",
    ])
  func lies(header: String) throws {
    var bytes = Data(NpyHeader.magic + [1, 0, UInt8(header.utf8.count & 0xFF), UInt8(header.utf8.count >> 8)])
    bytes.append(contentsOf: header.utf8)
    bytes.append(Data(count: 8))
    try FileFixtures.withFile(bytes) { path in
      #expect(throws: TensorError.self) { try Tensor(npyAt: path) }
    }
  }

  @Test("spacing, key order and Python 2's long integers do not matter")
  func tolerantHeader() throws {
    let header = "{ \"shape\":(2L , 1),'fortran_order' :False,'descr':'=i4'}\n"
    var bytes = Data(NpyHeader.magic + [1, 0, UInt8(header.utf8.count), 0])
    bytes.append(contentsOf: header.utf8)
    bytes.append(contentsOf: [5, 0, 0, 0, 6, 0, 0, 0])
    try FileFixtures.withFile(bytes) { path in
      let tensor = try Tensor(npyAt: path)
      #expect(tensor.shape == [2, 1] && tensor.scalars(as: Int32.self) == [5, 6])
    }
  }

  @Test("paths that are no readable or writable files are named")
  func paths() throws {
    #expect(FileFixtures.message { try Tensor(npyAt: "/nowhere/x.npy") } == "/nowhere/x.npy: no such file")
    try FileFixtures.withFolder { folder in
      #expect(FileFixtures.message { try Tensor(npyAt: folder) } == "\(folder): is a directory, expected a file")
      let tensor = Tensor([1.0])
      #expect(throws: TensorError.self) { try tensor.writeNpy(to: folder) }
      #expect(throws: TensorError.self) { try tensor.writeNpy(to: "\(folder)/missing/x.npy") }
    }
  }
}
