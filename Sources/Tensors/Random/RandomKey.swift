import CVectorKernels

/// The key of a counter-based random number generator: a value from which any amount of random numbers follows.
///
/// Drawing does not change a key, so the same key gives the same numbers; `split` and `folding(in:)` make new, independent
/// keys. Numbers do not depend on the machine, its instruction set, or how many threads compute them, and they are bit by
/// bit those of JAX's default generator (with `jax_threefry_partitionable=False`).
///
/// *Source:* Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011): Threefry-2x32, 20 rounds.
public struct RandomKey: Sendable, Hashable, Codable {
  /// The words of the key, as JAX keeps them in an array of two.
  public let words: SIMD2<UInt32>

  /// A key from its two words.
  public init(_ first: UInt32, _ second: UInt32) {
    words = SIMD2(first, second)
  }

  /// The key that `jax.random.PRNGKey` makes of `seed` with `jax_enable_x64`: the high and the low word of the seed as a
  /// 64-bit integer.
  ///
  /// Without `jax_enable_x64` JAX keeps the low word only. That is the same key for seeds from 0 to 2³²−1; for another
  /// seed, `RandomKey(0, UInt32(truncatingIfNeeded: seed))` is JAX's key.
  public init(seed: some BinaryInteger) {
    let seed = UInt64(truncatingIfNeeded: seed)
    self.init(UInt32(truncatingIfNeeded: seed >> 32), UInt32(truncatingIfNeeded: seed))
  }

  /// `count` new keys, independent of each other and of the numbers drawn from `self`.
  ///
  /// Splits into different counts share no keys: the first of two is not the first of three.
  public func split(into count: Int = 2) -> [RandomKey] {
    precondition((0..<1 << 31).contains(count), "expected a count of keys below 2^31, found \(count)")
    let words = bits(2 * count, of: UInt32.self)
    return (0..<count).map { RandomKey(words[2 * $0], words[2 * $0 + 1]) }
  }

  /// A new key that depends on `self` and `data`: one for each layer, say, or each step.
  public func folding(in data: UInt32) -> RandomKey {
    var first: UInt32 = 0
    var second = data
    nt_threefry_2x32(words.x, words.y, &first, &second)
    return RandomKey(first, second)
  }
}

extension RandomKey {
  /// `count` words of uniformly random bits; `Word` is `UInt8`, `UInt16`, `UInt32` or `UInt64`.
  public func bits<Word: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ count: Int, of type: Word.Type = UInt32.self
  ) -> [Word] {
    precondition([8, 16, 32, 64].contains(Word.bitWidth), "expected words of 8 to 64 bits, found \(Word.bitWidth)")
    precondition((0..<1 << 32).contains(count), "expected a count of words below 2^32, found \(count)")
    // The empty array is shared by all threads, and its length would be written.
    guard count > 0 else { return [] }
    switch Word.bitWidth {
    case 64:
      return [Word](unsafeUninitializedCapacity: count) { buffer, initializedCount in
        buffer.withMemoryRebound(to: UInt64.self) { words in
          fill(count, words, pairs: count, with: nt_random_words64)
        }
        initializedCount = count
      }
    case 32:
      return [Word](unsafeUninitializedCapacity: count) { buffer, initializedCount in
        buffer.withMemoryRebound(to: UInt32.self) { words in
          fill(count, words, pairs: (count + 1) / 2, with: nt_random_words32)
        }
        initializedCount = count
      }
    default:
      // A 32-bit word gives its lowest byte or half first.
      let perWord = 32 / Word.bitWidth
      let words = bits((count + perWord - 1) / perWord, of: UInt32.self)
      return (0..<count).map { Word(truncatingIfNeeded: words[$0 / perWord] >> (Word.bitWidth * ($0 % perWord))) }
    }
  }

  /// Runs one of the C library's fillers over all `pairs` of a draw of `count` numbers, in parallel.
  func fill<Number>(
    _ count: Int, _ numbers: UnsafeMutableBufferPointer<Number>, pairs: Int,
    with filler: @Sendable (UInt32, UInt32, Int, Int, Int, UnsafeMutablePointer<Number>) -> Void
  ) {
    precondition(2 * pairs < 1 << 32, "a draw has fewer than 2^32 words, found \(2 * pairs); split the key")
    guard let base = numbers.baseAddress, count > 0 else { return }
    // Ranges of pairs write to different places.
    nonisolated(unsafe) let out = base
    Threads.forEachRange(pairs, grain: 1 << 14) { range in
      filler(words.x, words.y, count, range.lowerBound, range.upperBound, out)
    }
  }
}
