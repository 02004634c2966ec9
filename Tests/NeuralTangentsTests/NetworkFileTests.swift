import Foundation
import NeuralTangents
import Testing

@Suite("Network files")
struct NetworkFileTests {
  @Test(
    "a mistake is named with its place",
    arguments: [
      (
        #"{"serial": [{"dense": {"width": 3}}, {"rellu": {}}]}"#,
        "serial[1].rellu: expected relu (did you mean that?), found an unknown layer"
      ),
      (
        #"{"serial": [{"dense": {"widht": 3}}]}"#,
        "serial[0].dense.width: expected an integer of at least 1, found nothing"
      ),
      (
        #"{"serial": [{"dense": {"width": 3, "wieghtStd": 2}}]}"#,
        "serial[0].dense.wieghtStd: expected one of batchAxis, biasStd, channelAxis, name, parameterization, weightStd, "
          + "width, widthScales, found an unknown argument"
      ),
      (#"{"dense": {"width": "many"}}"#, #"dense.width: expected an integer of at least 1, found "many""#),
      (#"{"dense": {"width": 0}}"#, "dense.width: expected an integer of at least 1, found 0"),
      (
        #"{"dense": {"width": 2, "parameterization": "mup"}}"#,
        #"dense.parameterization: expected ntk or standard, found "mup""#
      ),
      (
        #"{"dense": {"width": 2, "widthScales": [1, "x"]}}"#,
        #"dense.widthScales[1]: expected a finite number, found "x""#
      ),
      (#"{"serial": []}"#, "serial: expected at least one layer, found an empty list"),
      (
        #"{"serial": [{"dense": {"width": 3}, "relu": {}}]}"#,
        "serial[0]: expected an object with one key, a layer's name, found an object with 2 keys"
      ),
      (#"[1, 2]"#, "expected an object with one key, a layer's name, found a list of 2"),
      (
        #"{"repeat": {"count": 2, "layer": {"fanOut": {"count": 0}}}}"#,
        "repeat.layer.fanOut.count: expected an integer of at least 1, found 0"
      ),
      (#"{"dropout": {"keepRate": 1.5}}"#, "dropout.keepRate: expected a number above 0 and at most 1, found 1.5"),
      (#"{"relu": {"slope": 1}}"#, "relu.slope: expected one of name, stabilize, found an unknown argument"),
      (#"{"relu": [1]}"#, "relu: expected an object with arguments, found a list of 1"),
    ])
  func mistakes(_ json: String, _ message: String) {
    let error = #expect(throws: NetworkError.self) { try NetworkFile(json: json) }
    #expect(error?.description == message)
  }

  @Test("malformed text is an error in one line", arguments: ["{", "", "{\"serial\": [}", "nonsense"])
  func malformed(_ text: String) {
    let error = #expect(throws: NetworkError.self) { try NetworkFile(json: text) }
    #expect(error?.description.contains("\n") == false)
  }

  static let everything = """
    {"serial": [
      {"dense": {"width": 8, "weightStd": 1.5, "biasStd": 0.25, "parameterization": "standard", "widthScales": [1, 2]}},
      {"layerNorm": {"epsilon": 0.001}},
      {"fanOut": {"count": 3}},
      {"parallel": [
        {"serial": [{"relu": {}}, {"dense": {"width": 4}}]},
        {"serial": [{"erf": {"a": 2, "c": 0.5}}, {"dropout": {"keepRate": 0.5}}, {"dense": {"width": 4}}]},
        {"serial": [{"identity": {}}, {"dense": {"width": 4}}]}]},
      {"fanInConcat": {}},
      {"dense": {"width": 2}},
      {"repeat": {"count": 2, "layer": {"serial": [{"polynomial": {"coefficients": [0, 1, 0.5]}}, {"dense": {"width": 2}}]}}},
      {"fanOut": {"count": 2}}, {"fanInProduct": {}}
    ]}
    """

  @Test("JSON, YAML and Codable describe the same network")
  func roundTrip() throws {
    let file = try NetworkFile(json: Self.everything)
    let again = try NetworkFile(json: file.json())
    #expect(try again.json() == file.json())
    // JSON is YAML too.
    #expect(try NetworkFile(yaml: Self.everything).json() == file.json())
    let decoded = try JSONDecoder().decode(NetworkFile.self, from: JSONEncoder().encode(file))
    #expect(try decoded.json() == file.json())
    let layer = try JSONDecoder().decode(Serial.self, from: JSONEncoder().encode(file))
    #expect(layer.layers.count == 9)
  }

  @Test("YAML reads plain and quoted scalars as it should")
  func yaml() throws {
    let file = try NetworkFile(
      yaml:
        "serial:\n  - dense: {width: 3, weightStd: 1.5}\n  - relu:\n  - dense: {width: 1, parameterization: 'ntk'}\n")
    #expect(
      try file.json()
        == NetworkFile(json: #"{"serial":[{"dense":{"width":3,"weightStd":1.5}},{"relu":{}},{"dense":{"width":1}}]}"#)
        .json())
    let error = #expect(throws: NetworkError.self) { try NetworkFile(yaml: "dense: {width: '3'}") }
    #expect(error?.description == #"dense.width: expected an integer of at least 1, found "3""#)
  }

  @Test("every registered layer can be named and says so when it gets something else", arguments: LayerRegistry.names)
  func registry(_ name: String) {
    let error = #expect(throws: NetworkError.self) { try NetworkFile(json: "{\"\(name)\": 3}") }
    #expect(error?.description.hasPrefix(name + ": ") == true)
  }
}
