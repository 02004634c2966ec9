import Foundation
import TestSupport
import Testing

@testable import Tensors

/// A function under test, the scalar function it must agree with, and where to try it.
struct ElementaryCase: Sendable, CustomTestStringConvertible {
  let name: String
  let function: @Sendable (Tensor) -> Tensor
  let scalar: @Sendable (Double) -> Double
  let range: ClosedRange<Double>

  var testDescription: String { name }

  static let all: [ElementaryCase] = [
    .init(name: "exp", function: { exp($0) }, scalar: { Foundation.exp($0) }, range: -80...80),
    .init(name: "expm1", function: { expm1($0) }, scalar: { Foundation.expm1($0) }, range: -20...20),
    .init(name: "log", function: { log($0) }, scalar: { Foundation.log($0) }, range: 0...1000),
    .init(name: "log1p", function: { log1p($0) }, scalar: { Foundation.log1p($0) }, range: -1...1000),
    .init(name: "sin", function: { sin($0) }, scalar: { Foundation.sin($0) }, range: -1000...1000),
    .init(name: "cos", function: { cos($0) }, scalar: { Foundation.cos($0) }, range: -1000...1000),
    .init(name: "tan", function: { tan($0) }, scalar: { Foundation.tan($0) }, range: -100...100),
    .init(name: "asin", function: { asin($0) }, scalar: { Foundation.asin($0) }, range: -1...1),
    .init(name: "acos", function: { acos($0) }, scalar: { Foundation.acos($0) }, range: -1...1),
    .init(name: "atan", function: { atan($0) }, scalar: { Foundation.atan($0) }, range: -100...100),
    .init(name: "sinh", function: { sinh($0) }, scalar: { Foundation.sinh($0) }, range: -80...80),
    .init(name: "cosh", function: { cosh($0) }, scalar: { Foundation.cosh($0) }, range: -80...80),
    .init(name: "tanh", function: { tanh($0) }, scalar: { Foundation.tanh($0) }, range: -20...20),
    .init(name: "asinh", function: { asinh($0) }, scalar: { Foundation.asinh($0) }, range: -1000...1000),
    .init(name: "acosh", function: { acosh($0) }, scalar: { Foundation.acosh($0) }, range: 1...1000),
    .init(name: "atanh", function: { atanh($0) }, scalar: { Foundation.atanh($0) }, range: -1...1),
    .init(name: "erf", function: { erf($0) }, scalar: { Foundation.erf($0) }, range: -6...6),
    .init(name: "erfc", function: { erfc($0) }, scalar: { Foundation.erfc($0) }, range: -6...9),
    .init(
      name: "erfInverse", function: { erfInverse($0) }, scalar: { invertedErf($0) }, range: -0.999...0.999),
    .init(name: "sqrt", function: { sqrt($0) }, scalar: { $0.squareRoot() }, range: 0...1000),
    .init(name: "rsqrt", function: { rsqrt($0) }, scalar: { 1 / $0.squareRoot() }, range: 0...1000),
    .init(name: "cbrt", function: { cbrt($0) }, scalar: { Foundation.cbrt($0) }, range: -1000...1000),
    .init(name: "reciprocal", function: { reciprocal($0) }, scalar: { 1 / $0 }, range: -10...10),
    .init(name: "square", function: { square($0) }, scalar: { $0 * $0 }, range: -10...10),
    .init(name: "abs", function: { abs($0) }, scalar: { Swift.abs($0) }, range: -10...10),
    .init(name: "negate", function: { -$0 }, scalar: { -$0 }, range: -10...10),
    .init(name: "floor", function: { floor($0) }, scalar: { $0.rounded(.down) }, range: -10...10),
    .init(name: "ceil", function: { ceil($0) }, scalar: { $0.rounded(.up) }, range: -10...10),
    .init(
      name: "round", function: { round($0) }, scalar: { $0.rounded(.toNearestOrEven) }, range: -10...10),
  ]
}

/// The inverse of erf by bisection.
private func invertedErf(_ x: Double) -> Double {
  if x == 0 || Swift.abs(x) == 1 { return x / (1 - Swift.abs(x)) + x }
  guard Swift.abs(x) < 1 else { return .nan }
  if x < 0 { return -invertedErf(-x) }
  var (low, high) = (0.0, 7.0)
  while true {
    let middle = low / 2 + high / 2
    if middle <= low || middle >= high { return middle }
    let isBelow = x < 0.5 ? Foundation.erf(middle) < x : Foundation.erfc(middle) > 1 - x
    if isBelow { low = middle } else { high = middle }
  }
}

@Suite("Elementary functions")
struct ElementaryFunctionTests {
  @Test("float64 agrees with the system's functions to 3 ulp", arguments: ElementaryCase.all)
  func float64(_ test: ElementaryCase) {
    var numbers = TestNumbers(seed: 6)
    let x = (0..<3000).map { _ in numbers.uniform(test.range.lowerBound, test.range.upperBound) }
    let y = test.function(Tensor(x)).scalars(as: Double.self)
    for (argument, value) in zip(x, y) {
      let expected = test.scalar(argument)
      #expect(Swift.abs(value - expected) <= 3 * expected.ulp, "\(test.name)(\(argument))")
    }
  }

  @Test("float32 agrees with the system's float64 functions to 1.5 ulp", arguments: ElementaryCase.all)
  func float32(_ test: ElementaryCase) {
    var numbers = TestNumbers(seed: 7)
    let x = (0..<3000).map { _ in Float(numbers.uniform(test.range.lowerBound, test.range.upperBound)) }
    let y = test.function(Tensor(x)).scalars(as: Float.self)
    let limit = test.name == "erfc" || test.name == "rsqrt" ? 2.0 : 1.5
    for (argument, value) in zip(x, y) {
      let expected = test.scalar(Double(argument))
      #expect(
        Double(value) == expected || Swift.abs(Double(value) - expected) <= limit * Double(Float(expected).ulp),
        "\(test.name)(\(argument)) is \(value), expected \(expected)")
    }
  }

  @Test(
    "special arguments give what the system's functions give", arguments: ElementaryCase.all, [DType.float32, .float64])
  func specialArguments(_ test: ElementaryCase, _ dtype: DType) {
    let arguments: [Double] = [.nan, .infinity, -.infinity, 0, -0.0, 1, -1, 2, -2, 0.5, -0.5, 1.5, 2.5]
    let found = NaiveTensor(test.function(NaiveTensor([arguments.count]) { arguments[$0[0]] }.tensor(dtype))).values
    for (argument, value) in zip(arguments, found) {
      let expected = test.scalar(argument)
      let isSame =
        expected.isNaN
        ? value.isNaN
        : value == expected || Swift.abs(value - expected) <= Swift.abs(expected) * (dtype == .float32 ? 2e-7 : 5e-16)
          || Swift.abs(value - expected) < 1e-15 && dtype == .float64
          || Swift.abs(value - expected) < 2e-7 && expected != 0
      #expect(isSame, "\(test.name)(\(argument)) is \(value), expected \(expected)")
    }
  }

  @Test("large arrays are the same on any number of threads")
  func threads() {
    var numbers = TestNumbers(seed: 8)
    let x = Tensor((0..<100_003).map { _ in Float(numbers.uniform(-5, 5)) })
    let expected = NaiveTensor(tanh(x))
    withThreadCounts([1, 2, 3, 8]) { expectSame(tanh(x), expected, "\($0) threads") }
  }

  @Test("integers and bools are taken as float32")
  func integers() {
    expectSame(sqrt(Tensor([4, 9] as [Int32])), NaiveTensor([2]) { Double($0[0] + 2) })
    expectSame(exp(Tensor([false])), NaiveTensor([1]) { _ in 1 })
    #expect(floor(Tensor([4] as [Int32])).dtype == .int32)
    #expect(square(Tensor([true])).dtype == .int32)
  }

  @Test("functions are within their ulp of the exact fixture", arguments: ElementaryFixture.load())
  func exactFixture(_ entry: ElementaryFixture.Entry) throws {
    let dtype = entry.dtype == "float32" ? DType.float32 : .float64
    let x = NaiveTensor([entry.arguments.count]) { entry.arguments[$0[0]] }.tensor(dtype)
    let result: Tensor
    if let second = entry.second {
      let y = NaiveTensor([second.count]) { second[$0[0]] }.tensor(dtype)
      result = entry.function == "atan2" ? atan2(x, y) : pow(x, y)
    } else {
      let test = try #require(ElementaryCase.all.first { $0.name == entry.function })
      result = test.function(x)
    }
    var (largest, worst) = (0.0, 0)
    for (index, value) in NaiveTensor(result).values.enumerated() {
      let exact = strtod(entry.values[index], nil)
      let unit = dtype == .float32 ? Double(Float(exact).ulp) : exact.ulp
      // SLEEF's pow overflows two millionths below the largest number.
      if entry.function == "pow" && exact > 1.79768e308 { continue }
      let error = Swift.abs(value - exact) / unit
      if !(error <= largest) { (largest, worst) = (error, index) }
    }
    let limit = ["erfc", "rsqrt", "erfInverse"].contains(entry.function) ? 2.5 : 1.25
    #expect(largest <= limit, "\(entry.function) of \(entry.arguments[worst]) is off by \(largest) ulp")
  }
}

struct ElementaryFixture: Decodable {
  struct Entry: Decodable, Sendable, CustomTestStringConvertible {
    let function: String
    let dtype: String
    let arguments: [Double]
    let second: [Double]?
    let values: [String]
    var testDescription: String { "\(function) \(dtype)" }
  }

  let entries: [Entry]

  static func load() -> [Entry] {
    guard let url = Bundle.module.url(forResource: "Fixtures/elementary", withExtension: "json"),
      let data = try? Data(contentsOf: url), let fixture = try? JSONDecoder().decode(Self.self, from: data)
    else { return [] }
    return fixture.entries
  }
}
