import Foundation
import Testing

@testable import DataFiles
@testable import Tensors

@Suite("CIFAR batches")
struct CifarTests {
  /// Two records whose pixel at row y, column x of colour c is (31 x + 7 y + 50 c + 3 i) mod 256 in image i.
  private static func batch(labels: [[UInt8]]) -> Data {
    var bytes = Data()
    for (image, label) in labels.enumerated() {
      bytes.append(contentsOf: label)
      for colour in 0..<3 {
        for row in 0..<32 {
          for column in 0..<32 { bytes.append(pixel(image, row, column, colour)) }
        }
      }
    }
    return bytes
  }

  private static func pixel(_ image: Int, _ row: Int, _ column: Int, _ colour: Int) -> UInt8 {
    UInt8((31 * column + 7 * row + 50 * colour + 3 * image) % 256)
  }

  @Test("both kinds are told apart and read with colours last", arguments: CifarBatch.Kind.allCases)
  func kinds(kind: CifarBatch.Kind) throws {
    let labels: [[UInt8]] = kind == .cifar10 ? [[9], [0]] : [[19, 99], [1, 2]]
    try FileFixtures.withFile(Self.batch(labels: labels)) { path in
      let batch = try CifarBatch(at: path)
      #expect(batch.kind == kind)
      #expect(batch.images.shape == [2, 32, 32, 3])
      let pixels = batch.images.scalars(as: Int32.self)
      for image in 0..<2 {
        for (row, column, colour) in [(0, 0, 0), (3, 17, 1), (31, 31, 2), (8, 0, 2)] {
          let index = ((image * 32 + row) * 32 + column) * 3 + colour
          #expect(pixels[index] == Int32(Self.pixel(image, row, column, colour)))
        }
      }
      #expect(batch.labels.scalars(as: Int32.self) == labels.map { Int32($0.last ?? 255) })
      #expect(batch.coarseLabels?.scalars(as: Int32.self) == (kind == .cifar10 ? nil : [19, 1]))
    }
  }

  @Test("wrong labels and wrong sizes name their place")
  func wrong() throws {
    try FileFixtures.withFile(Self.batch(labels: [[3], [10]])) { path in
      #expect(
        FileFixtures.message { try CifarBatch(at: path) }
          == "\(path): byte 3073: expected a label from 0 to 9, found 10")
      #expect(
        FileFixtures.message { try CifarBatch(at: path, kind: .cifar100) }
          == "\(path): end of the file: expected a multiple of 3074 (cifar100) bytes, found 6146")
    }
    for count in [0, 1, 3072, 6145] {
      try FileFixtures.withFile(Self.batch(labels: [[3], [1]]).prefix(count)) { path in
        #expect(throws: TensorError.self) { try CifarBatch(at: path) }
      }
    }
  }
}
