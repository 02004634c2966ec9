import Foundation
import Tensors

/// A batch of the CIFAR-10 or CIFAR-100 data set in its binary version: 32×32 colour images with labels.
///
/// *Source:* Krizhevsky, "The CIFAR-10 and CIFAR-100 data sets", binary version.
public struct CifarBatch: Sendable {
  /// Which of the two data sets a file belongs to.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// One label of 10 classes per image.
    case cifar10
    /// A coarse label of 20 classes and a fine one of 100 per image.
    case cifar100

    var classCounts: [Int] { self == .cifar10 ? [10] : [20, 100] }
    var recordSize: Int { classCounts.count + CifarBatch.imageSize }
  }

  static let imageSize = 3 * 32 * 32

  /// Which of the two data sets it is of.
  public let kind: Kind
  /// Pixels from 0 to 255, (N, 32, 32, 3), int32.
  public let images: Tensor
  /// Labels, (N), int32: of 10 classes, or the fine ones of 100.
  public let labels: Tensor
  /// Labels of 20 coarse classes, (N), int32; CIFAR-100 only.
  public let coarseLabels: Tensor?

  /// Reads a batch, plain or compressed; without `kind` its records tell which of the two data sets it is from.
  ///
  /// - Throws: `TensorError.file` when the file cannot be read, `TensorError.format` when it is damaged or of neither kind.
  public init(at path: String, kind: Kind? = nil) throws(TensorError) {
    // No published file has more than 60,000 images.
    try self.init(FileBytes(at: path).inflated(limit: 60_000 * Kind.cifar100.recordSize), kind: kind)
  }

  init(_ file: FileBytes, kind: Kind? = nil) throws(TensorError) {
    let fitting = Kind.allCases.filter { file.count > 0 && file.count % $0.recordSize == 0 }
    let kind = kind ?? fitting.first { Self.firstWrongLabel(file, $0) == nil } ?? fitting.first
    guard let kind, fitting.contains(kind) else {
      let sizes = (kind.map { [$0] } ?? Kind.allCases).map { "\($0.recordSize) (\($0.rawValue))" }
      throw file.wrong(
        "end of the file", expected: "a multiple of \(sizes.joined(separator: " or ")) bytes", found: "\(file.count)")
    }
    if let (record, label) = Self.firstWrongLabel(file, kind) {
      let classes = kind.classCounts[label]
      throw file.wrong(
        at: record * kind.recordSize + label, expected: "a label from 0 to \(classes - 1)",
        found: "\(file.bytes[file.bytes.startIndex + record * kind.recordSize + label])")
    }
    self.kind = kind
    let count = file.count / kind.recordSize
    let labelCount = kind.classCounts.count
    (images, labels, coarseLabels) = file.bytes.withUnsafeBytes { raw in
      func labels(_ index: Int) -> Tensor {
        Tensor((0..<count).map { Int32(raw[$0 * kind.recordSize + index]) })
      }
      let images = Tensor(shape: [count, 32, 32, 3]) { (pixels: UnsafeMutableBufferPointer<Int32>) in
        // A record holds one plane per colour; a tensor has the colours last.
        for image in 0..<count {
          let source = image * kind.recordSize + labelCount
          for colour in 0..<3 {
            for pixel in 0..<1024 {
              pixels[(image * 1024 + pixel) * 3 + colour] = Int32(raw[source + colour * 1024 + pixel])
            }
          }
        }
      }
      return (images, labels(labelCount - 1), labelCount == 2 ? labels(0) : nil)
    }
  }

  /// Whether a file of so many bytes may be a batch.
  static func hasSize(_ count: Int) -> Bool { count > 0 && Kind.allCases.contains { count % $0.recordSize == 0 } }

  private static func firstWrongLabel(_ file: FileBytes, _ kind: Kind) -> (record: Int, label: Int)? {
    for record in 0..<(file.count / kind.recordSize) {
      for (label, classes) in kind.classCounts.enumerated()
      where file.bytes[file.bytes.startIndex + record * kind.recordSize + label] >= classes {
        return (record, label)
      }
    }
    return nil
  }
}
