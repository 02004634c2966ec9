import Foundation
import Testing

@testable import DataFiles
@testable import Tensors

@Suite("NPZ files")
struct NpzTests {
  @Test("archives of numpy.savez and numpy.savez_compressed read as written")
  func numpy() throws {
    let stored = try NpzArchive(at: FileFixtures.path("stored.npz"))
    #expect(stored.names == ["x", "labels"])
    #expect(try stored.tensor("x").scalars(as: Double.self) == (0..<24).map { Double($0 - 7) / 4 })
    #expect(try stored.tensor("labels").scalars(as: Int32.self) == [3, 1, 2])
    let deflated = try NpzArchive(at: FileFixtures.path("deflated.npz"))
    let x = try deflated.tensor("x")
    #expect(x.shape == [50, 20])
    #expect(x.scalars(as: Float.self) == (0..<1000).map { Float($0 % 20) })
    #expect(try deflated.tensor("y").scalar(as: Double.self) == 3)
  }

  @Test("an array that is not there is named, with those that are")
  func missing() throws {
    let archive = try NpzArchive(at: FileFixtures.path("stored.npz"))
    let message = FileFixtures.message { try archive.tensor("y") } ?? ""
    #expect(message.contains("array y: expected one of \"x\", \"labels\", found no such array"), "\(message)")
  }

  @Test(
    "written archives read back, stored and deflated, small and zip64", arguments: [false, true], [0, Int(UInt32.max)])
  func roundTrip(isDeflated: Bool, threshold: Int) throws {
    let numbers = RandomKey(seed: 5).normal([37, 11], dtype: .float64)
    let arrays = [
      (name: "numbers", tensor: numbers), (name: "größe", tensor: Tensor([true, false])),
      (name: "zeros", tensor: Tensor.zeros([300, 300])), (name: "none", tensor: Tensor.zeros([0])),
    ]
    try FileFixtures.withFolder { folder in
      var writer = try ZipWriter(to: "\(folder)/x.npz", zip64Threshold: threshold)
      try NpzArchive.write(arrays, to: &writer, compression: isDeflated ? .deflate : .none)
      let archive = try NpzArchive(at: "\(folder)/x.npz")
      #expect(archive.names == arrays.map(\.name))
      #expect(try archive.tensor("numbers").scalars(as: Double.self) == numbers.scalars(as: Double.self))
      #expect(try archive.tensor("größe").scalars(as: Bool.self) == [true, false])
      #expect(try archive.tensor("zeros").scalars(as: Float.self) == [Float](repeating: 0, count: 90_000))
      #expect(try archive.tensor("none").shape == [0])
      let size = try #require(
        FileManager.default.attributesOfItem(atPath: "\(folder)/x.npz")[.size] as? Int)
      #expect(isDeflated ? size < 10_000 : size > 360_000)
    }
  }

  @Test("equal arrays give equal files")
  func reproducible() throws {
    try FileFixtures.withFolder { folder in
      for name in ["a", "b"] {
        try NpzArchive.write([("x", Tensor([1, 2] as [Float]))], to: "\(folder)/\(name)", compression: .deflate)
      }
      #expect(
        try Data(contentsOf: URL(fileURLWithPath: "\(folder)/a"))
          == Data(contentsOf: URL(fileURLWithPath: "\(folder)/b")))
    }
  }

  @Test("damaged archives throw", arguments: ["stored.npz", "deflated.npz"])
  func damaged(name: String) throws {
    try FileFixtures.damage(FileFixtures.bytes(name)) { file in
      let archive = try NpzArchive(file)
      for name in archive.names { _ = try archive.tensor(name) }
    }
  }

  @Test("a changed number is found by its checksum")
  func checksum() throws {
    var bytes = try FileFixtures.bytes("stored.npz")
    let number = try #require(bytes.firstRange(of: withUnsafeBytes(of: 1.25.bitPattern.littleEndian) { Data($0) }))
    bytes[number.lowerBound] ^= 1
    try FileFixtures.withFile(bytes) { path in
      let message = FileFixtures.message { try NpzArchive(at: path).tensor("x") } ?? ""
      #expect(message.contains("member x.npy: expected CRC") && message.contains("the file is damaged"), "\(message)")
    }
  }

  @Test("what inflates to more than the directory says is refused")
  func bomb() throws {
    try FileFixtures.withFolder { folder in
      let path = "\(folder)/x.npz"
      try NpzArchive.write([("x", Tensor.zeros([1 << 18]))], to: path, compression: .deflate)
      var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      // The directory's uncompressed size: 24 bytes into its only entry.
      let entry = try #require(bytes.lastRange(of: Data([0x50, 0x4B, 0x01, 0x02])))
      bytes.replaceSubrange(entry.lowerBound + 24..<entry.lowerBound + 28, with: [100, 0, 0, 0])
      try bytes.write(to: URL(fileURLWithPath: path))
      let message = FileFixtures.message { try NpzArchive(at: path).tensor("x") } ?? ""
      #expect(message.contains("expected 100 bytes when inflated, found more"), "\(message)")
    }
  }

  @Test("files that are no archives are refused")
  func noArchive() throws {
    let path = try FileFixtures.path("bool.npy")
    let message = FileFixtures.message { try NpzArchive(at: path) } ?? ""
    #expect(message.contains("expected the directory of a zip archive"), "\(message)")
  }
}
