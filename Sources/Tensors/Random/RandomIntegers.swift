extension RandomKey {
  /// Integers from `minimum` up to, not including, `maximum`, as a tensor of int32; all `minimum` when there is no
  /// integer between them.
  public func integers(_ shape: [Int], from minimum: Int32, to maximum: Int32) -> Tensor {
    Tensor(integers(count: shape.product, from: minimum, to: maximum), shape: shape)
  }

  /// Integers from `minimum` up to, not including, `maximum`; all `minimum` when there is no integer between them.
  ///
  /// Two words of random bits per integer, high and low, reduced modulo the length of the range: the probabilities of two
  /// integers differ by at most a factor 1 + 2^(−bit width).
  public func integers<Integer: FixedWidthInteger & SignedInteger>(
    count: Int, from minimum: Integer, to maximum: Integer
  ) -> [Integer] where Integer.Magnitude: BitwiseCopyable & UnsignedInteger {
    typealias Word = Integer.Magnitude
    let keys = split()
    let highWords = keys[0].bits(count, of: Word.self)
    let lowWords = keys[1].bits(count, of: Word.self)
    let span = maximum > minimum ? Word(truncatingIfNeeded: maximum &- minimum) : 1
    // 2^width mod span, which does not fit a word, as the square of 2^(width/2) mod span. Products wrap around as JAX's do.
    let root = (Word(1) << (Word.bitWidth / 2)) % span
    let multiplier = (root &* root) % span
    return zip(highWords, lowWords).map { high, low in
      let offset = ((high % span) &* multiplier &+ low % span) % span
      return minimum &+ Integer(truncatingIfNeeded: offset)
    }
  }
}
