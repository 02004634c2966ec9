import Foundation

/// One line of the benchmark, written as JSON for the child process that measures it, ours or the peer's.
struct Row: Codable, Sendable {
  enum Kind: String, Codable { case kernel, prediction, elementwise, program }

  var name: String
  var kind: Kind
  var dtype = "float32"
  var activation: String?
  var rows: Int?
  var testRows: Int?
  var features: Int?
  var get: String?
  var covariance: Bool?
  var diagonal: Double?
  var operation: String?
  var count: Int?
  var repeats: Int?
  /// The ratio to reach; nil where there is none.
  var target: Double?

  static let all: [Row] = {
    var rows: [Row] = []
    for (activation, target) in [("relu", 8.0), ("erf", 6.0)] {
      for (dtype, target) in [("float32", target), ("float64", 4.0)] {
        rows.append(
          Row(
            name: "kernel, 3 x (Dense + \(activation)) + Dense, N=2000, \(dtype)", kind: .kernel, dtype: dtype,
            activation: activation, repeats: 25, target: target))
      }
    }
    for (get, covariance) in [("ntk", false), ("nngp", true)] {
      for dtype in ["float32", "float64"] {
        rows.append(
          Row(
            name: "kernel + prediction, \(get)\(covariance ? " with covariance" : ""), N=4000+1000, \(dtype)",
            kind: .prediction, dtype: dtype, activation: "relu", get: get, covariance: covariance, repeats: 3,
            target: 3))
      }
    }
    rows.append(
      Row(
        name: "a*b + c, 10^7 elements, float32", kind: .elementwise, operation: "multiply-add", repeats: 15, target: 1))
    rows.append(Row(name: "exp, 10^7 elements, float32", kind: .elementwise, operation: "exp", repeats: 15))
    return rows + tensorPrograms
  }()
}

/// What a child process prints: one JSON line.
struct Measurement: Codable, Sendable {
  var name: String
  var secondsBest: Double
  var secondsMedian: Double
  var peakBytes: Double
  var checksum: [Double]
}

/// JSON with the names that the peer's program uses.
enum Wire {
  static func encode(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(type, from: data)
  }
}
