import Foundation
import Testing

@testable import DataFiles
@testable import Tensors

@Suite("IDX files")
struct IdxTests {
  @Test("every element type reads as written")
  func types() throws {
    let bytes = try Tensor(idxAt: FileFixtures.path("images.idx"))
    #expect(bytes.shape == [2, 3, 4])
    #expect(bytes.scalars(as: Int32.self) == (0..<24).map { 10 * $0 })
    for name in ["i1", "i2", "i4"] {
      let tensor = try Tensor(idxAt: FileFixtures.path("\(name).idx"))
      #expect(tensor.scalars(as: Int32.self) == (0..<24).map { $0 - 7 }, "\(name)")
    }
    #expect(try Tensor(idxAt: FileFixtures.path("f8.idx")).scalars(as: Double.self) == (0..<24).map { Double($0 - 7) })
  }

  @Test("a gzip-compressed file reads like a plain one")
  func gzip() throws {
    let tensor = try Tensor(idxAt: FileFixtures.path("floats.idx.gz"))
    #expect(tensor.shape == [2, 3, 4])
    #expect(tensor.scalars(as: Float.self) == (0..<24).map { Float($0 - 7) / 4 })
  }

  @Test("damaged files throw", arguments: ["images.idx", "i2.idx"])
  func damaged(name: String) throws {
    try FileFixtures.damage(FileFixtures.bytes(name)) { try Tensor(storedIdx: $0) }
  }

  @Test("damaged compressed files throw")
  func damagedGzip() throws {
    try FileFixtures.damage(FileFixtures.bytes("floats.idx.gz")) { try Tensor(storedIdx: $0) }
  }

  @Test(
    "headers that lie are refused before memory is taken",
    arguments: [
      [0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255],
      [0, 0, 14, 1, 255, 255, 255, 255], [0, 0, 7, 1, 0, 0, 0, 1, 5], [1, 0, 8, 1, 0, 0, 0, 1, 5],
      [0, 0, 8, 255, 0, 0], [0, 0, 8, 1, 0, 0, 0, 1, 5, 6],
    ] as [[UInt8]])
  func lies(bytes: [UInt8]) throws {
    try FileFixtures.withFile(Data(bytes)) { path in
      #expect(throws: TensorError.self) { try Tensor(idxAt: path) }
    }
  }
}
