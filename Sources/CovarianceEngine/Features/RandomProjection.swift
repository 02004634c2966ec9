import Platform
import Tensors

/// x W for a random matrix W of shape (features, width) whose entries have mean zero and variance one.
public struct RandomProjection: Sendable {
  /// How W is drawn.
  public enum Kind: String, Sendable, Hashable, CaseIterable, Codable {
    /// Independent normal entries.
    case gaussian
    /// Blocks of orthogonal columns √p H D₁ H D₂ H D₃ / p^{3/2}, with H the Walsh–Hadamard matrix of size p, the next power of two and 256 at least,
    /// and D₁, D₂, D₃ random signs: less noise, and D log p operations instead of D p.
    ///
    /// *Source:* Yu et al. 2016 (arXiv 1610.09072).
    case orthogonal
  }

  private enum Form {
    case matrix(Tensor)
    /// Shape (blocks, p) each.
    case signs([Tensor], width: Int)
  }

  private let form: Form

  init(_ kind: Kind, key: RandomKey, from size: Int, to width: Int, _ dtype: DType) {
    switch kind {
    case .gaussian:
      // Blocks of columns with keys of their own, so that a projection of more columns begins with one of fewer.
      let columns = stride(from: 0, to: width, by: Self.block).map { start -> Tensor in
        let drawn = key.folding(in: UInt32(start / Self.block)).normal([Self.block, size], dtype: dtype)
        return drawn.sliced(axis: 0, from: 0, to: min(Self.block, width - start))
      }
      form = .matrix(columns.count == 1 ? columns[0] : concatenate(columns, axis: 0))
    case .orthogonal:
      // Short blocks are far from normal.
      let length = Self.powerOfTwo(atLeast: max(size, 256))
      let blocks = (width + length - 1) / length
      let signs = (0..<3).map { number -> Tensor in
        let parts = (0..<blocks).map { block in
          key.folding(in: UInt32(3 * block + number)).bernoulli([1, length]).asType(dtype) * 2 - 1
        }
        return concatenate(parts, axis: 0)
      }
      form = .signs(signs, width: width)
    }
  }

  private static let block = 256

  static func powerOfTwo(atLeast size: Int) -> Int {
    var result = 1
    while result < size { result *= 2 }
    return result
  }

  /// Bytes that it keeps.
  var byteCount: Int {
    switch form {
    case .matrix(let matrix): matrix.count * matrix.dtype.byteCount
    case .signs(let signs, _): signs.reduce(0) { $0 + $1.count * $1.dtype.byteCount }
    }
  }

  /// Shape (…, width) for x of shape (…, features).
  func callAsFunction(_ x: Tensor) -> Tensor {
    let (size, lead) = (x.shape[x.rank - 1], Array(x.shape.dropLast()))
    switch form {
    case .matrix(let matrix):
      let flat = x.reshaped([lead.reduce(1, *), size])
      return dotGeneral(flat, matrix, contracting: ([1], [1])).reshaped(lead + [matrix.shape[0]])
    case .signs(let signs, let width):
      let (blocks, length) = (signs[0].shape[0], signs[0].shape[1])
      let rows = lead.reduce(1, *)
      let flat = x.reshaped([rows, 1, size])
      var y = length == size ? flat : flat.padded([(0, 0), (0, 0), (0, length - size)])
      for sign in signs { y = Self.hadamard(y * sign.expandedDims(0)) }
      // Every transform multiplies lengths by √p, and directions have length √p.
      y = (y / Double(length)).reshaped([rows, blocks * length])
      return (width == blocks * length ? y : y.sliced(axis: 1, from: 0, to: width)).reshaped(lead + [width])
    }
  }

  /// The Walsh–Hadamard transform along the last axis, a power of two long, not normalised: a product of small ones along the axes
  /// that it is cut into.
  package static func hadamard(_ x: Tensor) -> Tensor {
    let (length, lead) = (x.shape[x.rank - 1], x.shape.dropLast().reduce(1, *))
    guard length > 1 else { return x }
    let exponent = length.trailingZeroBitCount
    let parts = (exponent + 5) / 6
    let sizes = (0..<parts).map { 1 << ((exponent * ($0 + 1)) / parts - (exponent * $0) / parts) }
    var y = x
    // Each product takes the last axis away and puts its transform in front of the others, so that after all every axis is back.
    for size in sizes.reversed() {
      let flat = y.reshaped([lead, length / size, size])
      let transformed = dotGeneral(flat, matrix(size, x.dtype), contracting: ([2], [1]))
      y = transformed.transposed([0, 2, 1])
    }
    return y.reshaped(x.shape)
  }

  /// H of one of the small sizes.
  private static func matrix(_ size: Int, _ dtype: DType) -> Tensor {
    let entries = (0..<size * size).map { ((($0 / size) & ($0 % size)).nonzeroBitCount & 1) == 0 ? 1.0 : -1.0 }
    return Tensor(entries, shape: [size, size]).asType(dtype)
  }
}

/// Projections that were drawn, as long as they do not take too much memory: the same are needed for every block of inputs.
final class RandomProjections: Sendable {
  private struct Name: Hashable {
    let kind: RandomProjection.Kind
    let key: RandomKey
    let size: Int
    let width: Int
    let dtype: DType
  }

  private let known = Guarded<(projections: [Name: RandomProjection], bytes: Int)>(([:], 0))
  /// Bytes of what is kept.
  private let most: Int

  init(most: Int = 512 << 20) { self.most = most }

  func projection(_ kind: RandomProjection.Kind, key: RandomKey, from size: Int, to width: Int, _ dtype: DType)
    -> RandomProjection
  {
    let name = Name(kind: kind, key: key, size: size, width: width, dtype: dtype)
    if let projection = known.withLock({ $0.projections[name] }) { return projection }
    let drawn = RandomProjection(kind, key: key, from: size, to: width, dtype)
    known.withLock { state in
      guard state.projections[name] == nil, state.bytes + drawn.byteCount <= most else { return }
      state.projections[name] = drawn
      state.bytes += drawn.byteCount
    }
    return drawn
  }
}
