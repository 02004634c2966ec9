import Foundation

/// One line of the benchmark, written as JSON for the child process that measures it, ours or the peer's.
struct Row: Codable, Sendable {
  enum Kind: String, Codable {
    case kernel, prediction, elementwise, program
    /// The kernel of a network with positions.
    case spatial
    /// The same, for the memory it takes, in a process that did nothing before.
    case memory
    /// The tangent kernel of a finite network, or its product with a vector.
    case empirical
    /// A function of a kernel and its gradient in the inputs.
    case gradient
  }

  var name: String
  var kind: Kind
  var dtype = "float32"
  var activation: String?
  /// Inputs of the first data set.
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

  /// Whether a tangent kernel of a finite network is a mean over its outputs.
  var trace: Bool?
  /// Whether its product with a vector is wanted instead.
  var product: Bool?

  // Of spatial kernels:

  /// What other rows or conclusions call this one.
  var id: String?
  var network: SpatialNetwork?
  var depth: Int?
  /// Positions and channels of an input.
  var shape: [Int]?
  /// Inputs of the second data set; nil when it is the first.
  var columns: Int?
  /// What the peer computes, which takes longer over an entry: its inputs and how often it does it.
  var peer: PeerSize?
  /// How many first rows and columns of the kernels to print.
  var corner: Int?
  /// nil for one per processor.
  var threads: Int?

  struct PeerSize: Codable, Sendable {
    var rows: Int
    var columns: Int?
    var repeats = 1
  }

  /// Entries of the kernel, all N² for one data set; nil for work that is not a kernel.
  var entries: Int? {
    switch kind {
    case .kernel: return (rows ?? 2000) * (rows ?? 2000)
    case .spatial, .memory: return (rows ?? 1) * (columns ?? rows ?? 1)
    default: return nil
    }
  }

  /// The row as the peer runs it; nil when it does not.
  var forPeer: Row? {
    guard kind == .spatial else { return kind == .memory || operation == "copy" ? nil : self }
    guard let peer else { return nil }
    var row = self
    (row.rows, row.columns, row.repeats) = (peer.rows, peer.columns, peer.repeats)
    return row
  }

  /// Whether each side runs in a second process: where the peer takes little time.
  var isRepeated: Bool { kind != .spatial && kind != .memory }

  /// Fewer repeats, and half of the inputs where they cost most.
  var quick: Row {
    var row = self
    row.repeats = repeats.map { max(1, $0 / 2) }
    if kind == .spatial || kind == .memory {
      row.rows = rows.map { max(min($0, 2), $0 / 2) }
      if row.columns == nil { row.rows = rows.map { max(min($0, 16), $0 / 2) } }
    }
    return row
  }

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
    rows += spatialKernels + cliff + memoryOfKernels + gradients + empiricalKernels
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
  /// Largest resident size of the whole process.
  var peakBytes: Double
  var checksum: [Double]
  /// Entries of the kernel.
  var entries: Int?
  /// First rows and columns of NNGP, then of NTK, row by row.
  var corner: [Double]?
  /// What the first call took beyond what was there before it and its result.
  var workingBytes: Double?
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
