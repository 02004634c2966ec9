import CovarianceEngine
import Tensors

/// Which axis of inputs, filters and outputs is what: one letter each, such as `NHWC`, `HWIO`, `NHWC`.
///
/// N is the batch, C the channels of inputs and outputs, I and O those of the filter; every other letter names an axis of
/// positions. Windows and strides are given in the order of the positions in `filter`.
public struct DimensionNumbers: Sendable, Hashable {
  /// One letter for each axis of the input.
  public let input: String
  /// One letter for each axis of the filter.
  public let filter: String
  /// One letter for each axis of the output.
  public let output: String

  /// - Precondition: see `validated`.
  public init(_ input: String, _ filter: String, _ output: String) {
    self.input = input
    self.filter = filter
    self.output = output
    if let problem { preconditionFailure("\(problem)") }
  }

  /// Channels last.
  public static func channelsLast(positions: Int) -> DimensionNumbers {
    let letters = String("ABDEFGHJKLMPQRSTUVWXYZ".prefix(positions))
    return DimensionNumbers("N" + letters + "C", letters + "IO", "N" + letters + "C")
  }

  /// - Throws: `NetworkError` unless each has its two letters and all have the same other ones, each once.
  init(validating strings: [String]) throws(NetworkError) {
    guard strings.count == 3 else {
      throw NetworkError(expected: "three strings, such as NHWC, HWIO, NHWC", found: "\(strings.count)")
    }
    (input, filter, output) = (strings[0], strings[1], strings[2])
    if let problem { throw problem }
  }

  private var problem: NetworkError? {
    for (text, special) in [(input, "NC"), (filter, "IO"), (output, "NC")]
    where Set(text).count != text.count || !special.allSatisfy(text.contains)
      || Set(text).subtracting(special) != Set(filter).subtracting("IO")
    {
      return NetworkError(
        expected: "\(special) and the letters of positions, the same in all three, each once",
        found: text.isEmpty ? "an empty string" : text)
    }
    return nil
  }

  /// The letters of positions in the filter's order.
  var letters: [Character] { filter.filter { !"IO".contains($0) } }
  var positionCount: Int { input.count - 2 }

  var inputAxes: DataAxes { Self.axes(input) }
  var outputAxes: DataAxes { Self.axes(output) }

  private static func axes(_ text: String) -> DataAxes {
    let letters = Array(text)
    return DataAxes(batch: letters.firstIndex(of: "N") ?? 0, channel: letters.firstIndex(of: "C") ?? 0)
  }

  /// The axes of `text` in the order of `target`.
  private static func order(of target: [Character], in text: String) -> [Int] {
    let letters = Array(text)
    return target.map { letters.firstIndex(of: $0) ?? 0 }
  }

  /// What takes inputs to batch, positions in the filter's order, channels.
  var inputOrder: [Int] { Self.order(of: ["N"] + letters + ["C"], in: input) }
  /// What takes filters to positions, input channels, output channels.
  var filterOrder: [Int] { Self.order(of: letters + ["I", "O"], in: filter) }
  /// What takes positions, input channels, output channels to filters.
  var filterOrderBack: [Int] { filterOrder.inversePermutation }
  /// What takes batch, positions in the filter's order, channels to outputs.
  var outputOrder: [Int] { Self.order(of: ["N"] + letters + ["C"], in: output).inversePermutation }

  /// What takes positions in the order of inputs to those in the filter's order.
  var inputPositionOrder: [Int] {
    let positions = input.filter { !"NC".contains($0) }
    return Self.order(of: letters, in: positions)
  }

  /// What takes positions in the filter's order to those in the order of outputs.
  var outputPositionOrder: [Int] {
    Self.order(of: output.filter { !"NC".contains($0) }, in: String(letters))
  }
}
