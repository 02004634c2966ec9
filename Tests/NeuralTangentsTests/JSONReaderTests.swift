import Foundation
import NeuralTangents
import TestSupport
import Testing

@Suite("JSON of network files")
struct JSONReaderTests {
  private func message(_ text: String) -> String {
    do {
      _ = try NetworkFile(json: text)
      return "no error"
    } catch {
      return error.description
    }
  }

  @Test(
    "what is no JSON is an error with its place, what was found, and a way on",
    arguments: [
      ("", "expected JSON, found an empty text"),
      ("  \n", "expected JSON, found an empty text"),
      (
        "{\"dense\": {\"width\": 1},}",
        "expected a key behind the comma at line 1, column 24, found }, so a comma too many"
      ),
      ("{\"serial\": [\n  {\"relu\": {}},\n]}", "serial: expected a value behind the comma at line 3, column 1"),
      (
        "{\"serial\": [\n  // two\n  {\"relu\": {}}]}",
        "serial[0]: expected a value at line 2, column 3, found a comment"
      ),
      ("# a network\n{\"relu\": {}}", "line 1, column 1, found a comment, which JSON has not; YAML has"),
      ("{'relu': {}}", "found a single quote; JSON has double quotes"),
      ("{relu: {}}", "expected a key in double quotes at line 1, column 2, found relu without quotes"),
      (
        "{\"dense\": {\"width\": 1, \"weightStd\": NaN}}",
        "dense.weightStd: expected a value at line 1, column 37, found NaN"
      ),
      ("{\"dense\": {\"width\": None}}", "found None, which is Python"),
      ("{\"dense\": {\"width\": 01}}", "expected a number at line 1, column 21, found a zero before other digits"),
      ("{\"dense\": {\"width\": 1.}}", "expected digits behind the point"),
      ("{\"dense\": {\"width\": 1e}}", "expected digits of the exponent"),
      ("{\"dense\": {\"width\": 1e999}}", "a number of at most 1.8e308"),
      ("{\"dense\": {\"width\": -}}", "expected a number at line 1, column 22, found }"),
      ("{\"dense\": {\"width\": 1}", "expected a comma or } at line 1, column 23, found the end of the text"),
      ("{\"dense\": {\"width\" 1}}", "dense.width: expected a colon behind the key"),
      ("{\"relu\": {}} {}", "expected the end of the text at line 1, column 14, found {"),
      (
        "{\"dense\": {\"width\": 1, \"width\": 2}}",
        "dense.width: expected a key only once at line 1, column 24, found \"width\" again"
      ),
      ("{\"re\nlu\": {}}", "expected the closing quote of the text at line 1, column 5"),
      ("{\"relu", "expected the closing quote of the text at line 1, column 7, found the end of the text"),
      ("{\"re\\xlu\": {}}", "behind the backslash at line 1, column 6, found x"),
      ("{\"\\ud800\": {}}", "the second half of a surrogate pair"),
      (String(repeating: "[", count: 100_000), "expected at most 512 levels at line 1"),
    ])
  func mistakes(_ text: String, _ expected: String) {
    #expect(message(text).contains(expected), "\(message(text).prefix(300))")
  }

  @Test("columns count characters, not bytes, and texts are read with all their escapes")
  func characters() throws {
    #expect(message("{\"é\": x}").contains("line 1, column 7"))
    #expect(message("{\"\\u00e9\\ud83d\\ude00\\n\\\"\": {}}").contains("é😀\n\""))
  }

  @Test("other encodings are named")
  func encodings() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "json-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func message(_ data: Data, _ name: String = "net.json") throws -> String {
      let path = folder.appending(path: name).path
      try data.write(to: URL(filePath: path))
      do {
        _ = try NetworkFile(contentsOf: path)
        return "no error"
      } catch {
        return error.description
      }
    }
    let text = "{\"relu\": {}}"
    #expect(try message(Data([0xEF, 0xBB, 0xBF]) + Data(text.utf8)) == "no error")
    #expect(try message(try #require(text.data(using: .utf16))).contains("UTF-16; save it as UTF-8"))
    #expect(try message(Data("{\"rel".utf8) + Data([0xE9]) + Data("\": {}}".utf8)).contains("UTF-8"))
    #expect(try message(Data([0xFF, 0x41])).contains("no UTF-8"))
    #expect(try message(Data("relu: {a: ".utf8) + Data([0xE9, 0x7D]), "net.yaml").contains("YAML in UTF-8"))
    #expect(try message(Data("{\"relu\": {}, \"relu\": {}}".utf8)).contains("only once"))
    #expect(try message(Data("relu: {}\nrelu: {}\n".utf8), "net.yaml") != "no error")
  }

  @Test("what is written as YAML is read as the same network, and texts that look like something else stay texts")
  func yaml() throws {
    let node = NodeValue.object([
      "serial": .array([
        .object(["dense": .object(["width": .integer(3), "weightStd": .number(1.5e-300), "biasStd": .null])]),
        .object([
          "custom": .object(["name": .string("null"), "on": .boolean(true), "list": .array([.integer(1), .number(2)])])
        ]),
      ]), "empty": .object([:]), "text": .string("a: b # c"),
    ])
    #expect(try NodeValue(yaml: node.yaml()) == node, "\(node.yaml())")
    let network = Serial {
      Dense(3, weightStd: 1.25, biasStd: 0.5); Relu(); Conv(4, window: [3, 3])
    }
    let text = try NetworkFile(network).yaml()
    #expect(try NetworkFile(yaml: text).json() == NetworkFile(network).json())
  }

  @Test("any damage to a file is an error or a network, never a crash")
  func damage() throws {
    let text = Array(
      #"{"serial": [{"dense": {"width": 512, "weightStd": 1.5e0, "biasStd": 0.05}}, {"erf": {}}, {"dense": {"width": 1, "parameterization": "ntk"}}]}"#
        .utf8)
    var state: UInt64 = 88172645463325252
    func random(_ count: Int) -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int(state % UInt64(count))
    }
    let isThorough = TestSwitch.fuzz.isOn
    for _ in 0..<(isThorough ? 100_000 : 2_000) {
      var bytes = text
      for _ in 0...random(3) {
        switch random(4) {
        case 0: bytes[random(bytes.count)] = UInt8(random(256))
        case 1: bytes.remove(at: random(bytes.count))
        case 2: bytes.insert(Array("{}[]\",:0-.eE\\".utf8)[random(13)], at: random(bytes.count))
        default: bytes.removeSubrange((bytes.count - 1 - random(20))...)
        }
      }
      _ = try? NetworkFile(json: String(decoding: bytes, as: UTF8.self))
    }
  }

  @Test(
    "layers without an infinite-width limit are refused with the reason",
    arguments: [
      ("maxPool", "the maximum of correlated Gaussians has no closed infinite-width limit"),
      ("max_pool2d", "averagePool"),
      ("batchNorm", "layerNorm: batch normalisation mixes"), ("BatchNorm1d", "layerNorm"), ("lstm", "recurrent"),
    ])
  func withoutLimit(_ name: String, _ expected: String) {
    #expect(message("{\"\(name)\": {}}").contains(expected))
  }
}
