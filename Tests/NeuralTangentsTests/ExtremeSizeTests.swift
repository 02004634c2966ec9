import NeuralTangents
import Tensors
import Testing

@Suite("Sizes beyond reason")
struct ExtremeSizeTests {
  @Test(
    "are errors that name the argument",
    arguments: [
      #"{"conv": {"channels": 2, "window": [2147483648], "padding": "same"}}"#,
      #"{"conv": {"channels": 2, "window": [2], "strides": [4611686018427387904]}}"#,
      #"{"conv": {"channels": 2, "window": [4096, 4096]}}"#,
      #"{"conv": {"channels": 2, "window": [2], "parameterization": "standard", "widthScales": [1e300, 1e300]}}"#,
      #"{"convTranspose": {"channels": 2, "window": [1000000000000]}}"#,
      #"{"averagePool": {"window": [1000000000], "padding": "same"}}"#,
      #"{"dense": {"width": 9223372036854775807}}"#, #"{"fanOut": {"count": 1000000000000}}"#,
      #"{"repeat": {"layer": {"identity": {}}, "count": 1000000000}}"#,
      #"{"index": {"ranges": [9223372036854775807]}}"#,
      #"{"imageResize": {"shape": [-1, 1000000000000, -1], "method": "linear"}}"#,
      #"{"imageResize": {"shape": [-1, 4096, 4096, -1], "method": "linear"}}"#,
      #"{"repeat": {"count": 9, "layer": {"convTranspose": {"channels": 2, "window": [1, 1], "strides": [4096, 4096]}}}}"#,
      #"{"embedding": {"vocabulary": 1099511627776, "width": 2}}"#,
      #"{"numerical": {"function": "tanh", "degree": 1000000000}}"#, #"{"fullyConnected": {"depth": 1000000000}}"#,
    ])
  func files(_ text: String) throws {
    let error = #expect(throws: NetworkError.self) {
      let network = try NetworkFile(json: text).network
      _ = try network.kernel(.ones([2, 5, 5, 2]))
    }
    #expect(error.map { !$0.expected.isEmpty && !$0.found.isEmpty } == true)
  }

  @Test("a kernel larger than memory is an error before any work")
  func memory() {
    let network = Conv(4, window: [3, 3], padding: .same)
    let error = #expect(throws: NetworkError.self) { try network.kernel(.zeros([20000, 32, 32, 1])) }
    #expect(error?.description.contains("GB") == true)
  }
}
