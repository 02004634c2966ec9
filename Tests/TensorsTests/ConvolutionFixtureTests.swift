import Foundation
import Testing

@testable import Tensors

/// Convolutions and window sums as JAX computes them.
private struct ConvolutionFixture: Decodable {
  struct Entry: Decodable {
    let op: String
    let inputSize: [Int]?
    let shape: [Int]?
    let window: [Int]
    let strides: [Int]
    let paddingLow: [Int]
    let paddingHigh: [Int]
    let inputDilation: [Int]?
    let windowDilation: [Int]
    let groups: Int?
    let batch: Int?
    let inputChannels: Int?
    let outputChannels: Int?
    let output: TensorFixture.Array
    let input: TensorFixture.Array?
    let filter: TensorFixture.Array?
  }

  let entries: [Entry]
}

@Suite("Convolutions and window sums against JAX")
struct ConvolutionFixtureTests {
  private func entries(_ op: String) throws -> [ConvolutionFixture.Entry] {
    let url = try #require(
      Bundle.module.url(forResource: "convolution", withExtension: "json", subdirectory: "Fixtures"))
    return try JSONDecoder().decode(ConvolutionFixture.self, from: Data(contentsOf: url)).entries.filter { $0.op == op }
  }

  private func formula(_ shape: [Int], _ f: (Double) -> Double) -> Tensor {
    Tensor((0..<shape.product).map { f(Double($0)) }, shape: shape)
  }

  private func sines(_ shape: [Int]) -> Tensor { formula(shape) { sin(0.37 * $0 + 0.1) } }
  private func cosines(_ shape: [Int]) -> Tensor { formula(shape) { cos(0.53 * $0 + 0.2) } }

  @Test("a convolution and its cotangents equal those of JAX")
  func convolutions() throws {
    let entries = try entries("convolution")
    #expect(entries.count >= 18)
    for entry in entries {
      let geometry = ConvolutionGeometry(
        inputSize: try #require(entry.inputSize), window: entry.window, strides: entry.strides,
        paddingLow: entry.paddingLow, paddingHigh: entry.paddingHigh, inputDilation: entry.inputDilation,
        windowDilation: entry.windowDilation, groups: try #require(entry.groups))
      let (inputs, outputs) = (try #require(entry.inputChannels), try #require(entry.outputChannels))
      let x = sines([try #require(entry.batch)] + geometry.inputSize + [inputs])
      let w = cosines(geometry.window + [inputs / geometry.groups, outputs])
      let y = sines(entry.output.shape)
      expectSame(
        evaluateConvolution(geometry, .output, x, w), entry.output.naive, relative: 1e-12, absolute: 1e-13,
        "\(geometry)")
      expectSame(
        evaluateConvolution(geometry, .input, y, w), try #require(entry.input).naive, relative: 1e-12,
        absolute: 1e-13, "input of \(geometry)")
      expectSame(
        evaluateConvolution(geometry, .filter, x, y), try #require(entry.filter).naive, relative: 1e-12,
        absolute: 1e-13, "filter of \(geometry)")
    }
  }

  @Test("a window sum equals that of JAX")
  func windowSums() throws {
    let entries = try entries("windowSum")
    #expect(entries.count >= 9)
    for entry in entries {
      let geometry = WindowGeometry(
        window: entry.window, strides: entry.strides, paddingLow: entry.paddingLow, paddingHigh: entry.paddingHigh,
        windowDilation: entry.windowDilation)
      expectSame(
        evaluateWindowSum(geometry, sines(try #require(entry.shape))), entry.output.naive, relative: 1e-12,
        absolute: 1e-13, "\(geometry)")
    }
  }
}
