import CVectorKernels
import Foundation
import Testing

@testable import Tensors

/// What JAX's generator gives for many keys, shapes and types, and what the authors of Threefry publish.
@Suite("Random numbers")
struct RandomTests {
  @Test(
    "Threefry-2x32 with 20 rounds gives its authors' known answers",
    arguments: [
      ([0, 0], [0, 0], [0x6B20_0159, 0x99BA_4EFE]),
      ([0xFFFF_FFFF, 0xFFFF_FFFF], [0xFFFF_FFFF, 0xFFFF_FFFF], [0x1CB9_96FC, 0xBB00_2BE7]),
      ([0x1319_8A2E, 0x0370_7344], [0x243F_6A88, 0x85A3_08D3], [0xC492_3A9C, 0x483D_F7A0]),
    ] as [([UInt32], [UInt32], [UInt32])])
  func knownAnswers(key: [UInt32], counter: [UInt32], answer: [UInt32]) {
    var (first, second) = (counter[0], counter[1])
    nt_threefry_2x32(key[0], key[1], &first, &second)
    #expect([first, second] == answer)
  }

  @Test("every draw of the fixture is bit by bit JAX's", arguments: RandomFixture.operations)
  func jax(operation: String) throws {
    let entries = try RandomFixture.load().filter { $0.op == operation }
    #expect(!entries.isEmpty)
    for entry in entries { try check(entry) }
  }

  private func check(_ entry: RandomFixture) throws {
    let key = entry.randomKey
    let comment = Comment(rawValue: "\(entry)")
    switch entry.op {
    case "key":
      let seed = try #require(entry.seed.flatMap { Int64($0) })
      #expect(RandomKey(seed: seed) == key)
      #expect(RandomKey(seed: UInt64(bitPattern: seed)) == key)
    case "split":
      let keys = try key.split(into: #require(entry.count))
      #expect(keys.map { [$0.words.x, $0.words.y] } == entry.keys)
    case "foldIn":
      let folded = try key.folding(in: UInt32(#require(entry.data)))
      #expect([folded.words.x, folded.words.y] == entry.result)
    case "splitChain":
      var chain = key
      var leaf = key
      for _ in 0..<(try #require(entry.steps)) {
        let keys = chain.split()
        (chain, leaf) = (keys[0], keys[1])
      }
      #expect([chain.words.x, chain.words.y] == entry.keyAfter)
      #expect([leaf.words.x, leaf.words.y] == entry.lastLeaf)
    case "bits", "bitsChecksum":
      switch entry.width {
      case 8: try checkBits(entry, of: UInt8.self)
      case 16: try checkBits(entry, of: UInt16.self)
      case 32: try checkBits(entry, of: UInt32.self)
      default: try checkBits(entry, of: UInt64.self)
      }
    case "uniform":
      let draw = try key.uniform(
        #require(entry.shape), from: #require(entry.minimum).double, to: #require(entry.maximum).double,
        dtype: #require(entry.dtype))
      #expect(draw.shape == entry.shape)
      #expect(RandomFixture.doubles(draw) == entry.values?.map(\.double), comment)
    case "normal":
      let draw = try key.normal(#require(entry.shape), dtype: #require(entry.dtype))
      #expect(draw.shape == entry.shape)
      #expect(RandomFixture.agree(RandomFixture.doubles(draw), try #require(entry.values), dtype: draw.dtype), comment)
    case "uniformLarge": try checkLarge(entry, key.uniform(#require(entry.shape), dtype: #require(entry.dtype)))
    case "normalLarge": try checkLarge(entry, key.normal(#require(entry.shape), dtype: #require(entry.dtype)))
    case "bernoulli":
      let draw = try key.bernoulli(
        #require(entry.shape), probability: #require(entry.p), dtype: #require(entry.dtype))
      #expect(draw.scalars(as: Bool.self).map { $0 ? 1 : 0 } == entry.values?.map(\.double), comment)
    case "permutation":
      let order = try key.permutation(#require(entry.size))
      #expect(order.map(Double.init) == entry.values?.map(\.double), comment)
    case "permutationChecksum":
      let order = try key.permutation(#require(entry.size))
      #expect(order.prefix(10).map(Double.init) == entry.first?.map(\.double))
      #expect(order.suffix(10).map(Double.init) == entry.last?.map(\.double))
      #expect(zip(order, 0...).reduce(0) { $0 + $1.0 * $1.1 } == entry.weightedSum)
    case "permutationOfArray":
      let permuted = try key.permutation(of: #require(entry.input).tensor, axis: #require(entry.axis))
      #expect(permuted.shape == entry.output?.shape)
      #expect(permuted.scalars(as: Double.self) == entry.output?.values, comment)
    case "integers":
      let (minimum, maximum) = (entry.minimum?.text ?? "", entry.maximum?.text ?? "")
      let shape = try #require(entry.shape)
      if entry.type == "int32" {
        let draw = try key.integers(shape, from: #require(Int32(minimum)), to: #require(Int32(maximum)))
        #expect(draw.scalars(as: Int32.self).map(Double.init) == entry.values?.map(\.double), comment)
      } else {
        let draw = try key.integers(count: shape.product, from: #require(Int64(minimum)), to: #require(Int64(maximum)))
        #expect(draw.map(String.init) == entry.values?.map(\.text), comment)
      }
    default: Issue.record("the fixture has an operation that no test knows: \(entry.op)")
    }
  }

  private func checkBits<Word: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ entry: RandomFixture, of type: Word.Type
  ) throws {
    let words = try entry.randomKey.bits(#require(entry.shape).product, of: type)
    if let values = entry.values {
      #expect(words.map(String.init) == values.map(\.text))
    } else {
      #expect(words.prefix(4).map(String.init) == entry.first?.map(\.text))
      #expect(words.suffix(4).map(String.init) == entry.last?.map(\.text))
      #expect(String(words.reduce(0, &+)) == entry.sum?.text)
    }
  }

  private func checkLarge(_ entry: RandomFixture, _ draw: Tensor) throws {
    let values = RandomFixture.doubles(draw)
    #expect(RandomFixture.agree(values.prefix(4), try #require(entry.first), dtype: draw.dtype))
    #expect(RandomFixture.agree(values.suffix(4), try #require(entry.last), dtype: draw.dtype))
    let extremes = try [values.min(), values.max()].map { try #require($0) }
    #expect(RandomFixture.agree(extremes, try [#require(entry.minimum), #require(entry.maximum)], dtype: draw.dtype))
    // The fixture's sums are rounded differently.
    #expect(try abs(values.reduce(0, +) - #require(entry.sum).double) < 1e-8)
    #expect(try abs(values.reduce(0) { $0 + $1 * $1 } - #require(entry.sumOfSquares)) < 1e-8)
  }

  @Test("a draw is the same on any number of threads", arguments: [1, 2, 3, 7])
  func threads(count: Int) {
    let key = RandomKey(seed: 2024)
    let size = 200_001
    // Reference: one pair of words at a time.
    let half = (size + 1) / 2
    var expected = [UInt32](repeating: 0, count: 2 * half)
    for pair in 0..<half {
      var (first, second) = (UInt32(pair), half + pair < size ? UInt32(half + pair) : 0)
      nt_threefry_2x32(key.words.x, key.words.y, &first, &second)
      (expected[pair], expected[half + pair]) = (first, second)
    }
    let before = Threads.count
    defer { Threads.count = before }
    Threads.count = count
    #expect(key.bits(size, of: UInt32.self) == Array(expected[..<size]))
  }

  @Test("keys survive coding")
  func coding() throws {
    let key = RandomKey(seed: -3)
    #expect(try JSONDecoder().decode(RandomKey.self, from: JSONEncoder().encode(key)) == key)
  }

  @Test("draws without elements are empty tensors")
  func empty() {
    #expect(RandomKey(seed: 1).normal([0, 3]).shape == [0, 3])
    #expect(RandomKey(seed: 1).uniform([0], dtype: .float64).count == 0)
    #expect(RandomKey(seed: 1).permutation(0) == [])
  }
}

/// One entry of `Fixtures/random.json`.
struct RandomFixture: Decodable {
  static let operations = [
    "key", "split", "foldIn", "splitChain", "bits", "bitsChecksum", "uniform", "normal", "uniformLarge", "normalLarge",
    "bernoulli", "permutation", "permutationChecksum", "permutationOfArray", "integers",
  ]

  /// A number that JSON would round is written as a string.
  enum Number: Decodable {
    case number(Double)
    case text(String)

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let number = try? container.decode(Double.self) {
        self = .number(number)
      } else {
        self = .text(try container.decode(String.self))
      }
    }

    var double: Double { if case .number(let value) = self { value } else { .nan } }
    var text: String {
      switch self {
      case .number(let value): value == value.rounded() ? String(Int(value)) : "\(value)"
      case .text(let text): text
      }
    }
  }
  struct Array: Decodable {
    var shape: [Int]
    var values: [Double]
    var tensor: Tensor { Tensor(values, shape: shape) }
  }

  var op: String
  var key: [UInt32]
  var seed: String?
  var count, data, steps, width, size, axis, weightedSum: Int?
  var keys: [[UInt32]]?
  var result, keyAfter, lastLeaf: [UInt32]?
  var shape: [Int]?
  var dtype: DType?
  var type: String?
  var minimum, maximum, sum: Number?
  var p, sumOfSquares: Double?
  var values, first, last: [Number]?
  var input, output: Array?

  static func load() throws -> [RandomFixture] {
    struct File: Decodable { var entries: [RandomFixture] }
    let url = try #require(Bundle.module.url(forResource: "Fixtures/random", withExtension: "json"))
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(File.self, from: Data(contentsOf: url)).entries
  }

  var randomKey: RandomKey { RandomKey(key[0], key[1]) }

  static func doubles(_ tensor: Tensor) -> [Double] {
    tensor.dtype == .float32 ? tensor.scalars(as: Float.self).map(Double.init) : tensor.scalars(as: Double.self)
  }

  /// Equal, but for the last bit of a float64 normal where the C library's logarithm is not glibc's.
  static func agree(_ values: some Sequence<Double>, _ expected: [Number], dtype: DType) -> Bool {
    #if canImport(Glibc)
      Swift.Array(values) == expected.map(\.double)
    #else
      zip(values, expected.map(\.double)).allSatisfy { dtype == .float32 ? $0 == $1 : abs($0 - $1) <= 2 * $1.ulp }
    #endif
  }
}
