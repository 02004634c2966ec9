import NeuralTangents
import Tensors
import TestSupport
import Testing

@Suite("Networks and data that do not fit")
struct NetworkMistakeTests {
  static let seeds = Array(0..<(TestSwitch.fuzz.isOn ? 2000 : 144))

  @Test("every mistake is an error of one line that says what was expected and found", arguments: seeds)
  func mistakes(seed: Int) throws {
    let mistake = try NetworkMistake(seed: seed)
    let error = #expect(throws: NetworkError.self, "\(mistake.description)") { try mistake.attempt() }
    guard let error else { return }
    #expect(!error.expected.isEmpty && !error.found.isEmpty, "\(mistake.description)")
    #expect(!error.description.contains("\n") && error.description.count < 1000, "\(error.description)")
  }

  @Test("nodes that no network may have are errors", arguments: MistakeBuilder.badNodes)
  func badNodes(_ text: String) {
    let error = #expect(throws: NetworkError.self, "\(text.prefix(200))") {
      try NetworkFile(json: text).network.kernel(FixtureInput.sine([2, 3, 2]))
    }
    #expect(error?.expected.isEmpty == false && error?.found.isEmpty == false)
  }
}
