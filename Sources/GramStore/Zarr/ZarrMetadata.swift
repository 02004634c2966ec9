import Networks
import Tensors

/// The metadata of an array as a store writes it: regular chunks, little-endian elements, each chunk with its CRC-32C.
///
/// *Source:* Zarr core specification, version 3.
struct ZarrArray: Hashable, Sendable {
  var shape: [Int]
  var dtype: DType
  var chunkShape: [Int]
  /// Names of the axes; nil where they have none.
  var dimensionNames: [String]?
  /// Chunks of the file of a shard along each axis, where several share one; nil where each has its own.
  var shardShape: [Int]?

  /// Chunks along each axis.
  var chunkCounts: [Int] { zip(shape, chunkShape).map { ($0 + $1 - 1) / $1 } }
  /// Bytes of every chunk's file: all elements, and the checksum.
  var chunkByteCount: Int { chunkShape.product * dtype.byteCount + ZarrChunk.checksumSize }

  static let fileName = "zarr.json"

  /// What stands for elements that nobody wrote: what cannot be taken for a result.
  private var fillValue: NodeValue {
    switch dtype {
    case .float32, .float64: .string("NaN")
    case .int32: .integer(0)
    case .bool: .boolean(false)
    }
  }

  private static let chunkCodecs = NodeValue.array([
    codec("bytes", ["endian": .string("little")]), .object(["name": .string("crc32c")]),
  ])

  private static func codec(_ name: String, _ configuration: [String: NodeValue]) -> NodeValue {
    .object(["name": .string(name), "configuration": .object(configuration)])
  }

  private static func integers(_ values: [Int]) -> NodeValue { .array(values.map { .integer($0) }) }

  /// As the file `zarr.json` has it.
  var json: NodeValue {
    var members: [String: NodeValue] = [
      "zarr_format": .integer(3), "node_type": .string("array"), "attributes": .object([:]),
      "shape": Self.integers(shape), "data_type": .string(dtype.rawValue), "fill_value": fillValue,
      "chunk_grid": Self.codec("regular", ["chunk_shape": Self.integers(shardShape ?? chunkShape)]),
      "chunk_key_encoding": Self.codec("default", ["separator": .string("/")]),
      "codecs": shardShape == nil
        ? Self.chunkCodecs
        : .array([
          Self.codec(
            "sharding_indexed",
            [
              "chunk_shape": Self.integers(chunkShape), "codecs": Self.chunkCodecs, "index_codecs": Self.chunkCodecs,
              "index_location": .string("end"),
            ])
        ]),
    ]
    if let dimensionNames { members["dimension_names"] = .array(dimensionNames.map { .string($0) }) }
    return .object(members)
  }

  init(
    shape: [Int], dtype: DType, chunkShape: [Int], dimensionNames: [String]? = nil, shardShape: [Int]? = nil
  ) {
    (self.shape, self.dtype, self.chunkShape) = (shape, dtype, chunkShape)
    (self.dimensionNames, self.shardShape) = (dimensionNames, shardShape)
  }

  /// Reads what `json` writes, and refuses everything else: what is not understood could change what bytes mean.
  ///
  /// - Parameter path: of the file, for messages.
  init(_ json: NodeValue, path: String) throws(GramStoreError) {
    var reader = try MemberReader(json, path: path)
    try reader.require("zarr_format", .integer(3))
    try reader.require("node_type", .string("array"))
    shape = try reader.sizes("shape", atLeast: 0)
    let name = try reader.string("data_type")
    guard let dtype = DType(rawValue: name) else {
      throw .malformed(path: path + " data_type", expected: "float32, float64, int32 or bool", found: "\"\(name)\"")
    }
    self.dtype = dtype
    var grid = try reader.object("chunk_grid")
    try grid.require("name", .string("regular"))
    var configuration = try grid.object("configuration")
    chunkShape = try configuration.sizes("chunk_shape", atLeast: 1)
    try configuration.finish()
    try grid.finish()
    try reader.require("chunk_key_encoding", Self.codec("default", ["separator": .string("/")]))
    try reader.require("codecs", Self.chunkCodecs)
    guard chunkShape.count == shape.count else {
      throw .malformed(
        path: path + " chunk_grid", expected: "a size for each of \(shape.count) axes", found: "\(chunkShape)")
    }
    dimensionNames = nil
    shardShape = nil
    if let names = reader.optional("dimension_names") {
      guard case .array(let values) = names, values.count == shape.count else {
        throw .malformed(path: path + " dimension_names", expected: "\(shape.count) names", found: names.json())
      }
      dimensionNames = values.map { if case .string(let name) = $0 { name } else { "" } }
    }
    try reader.require("fill_value", fillValue)
    _ = reader.optional("attributes")
    if let transformers = reader.optional("storage_transformers"), transformers != .array([]) {
      throw .malformed(path: path + " storage_transformers", expected: "none", found: transformers.json())
    }
    try reader.finish()
  }
}

/// A group of arrays with attributes of its own.
enum ZarrGroup {
  static func json(attributes: NodeValue) -> NodeValue {
    .object(["zarr_format": .integer(3), "node_type": .string("group"), "attributes": attributes])
  }

  static func attributes(_ json: NodeValue, path: String) throws(GramStoreError) -> NodeValue {
    var reader = try MemberReader(json, path: path)
    try reader.require("zarr_format", .integer(3))
    try reader.require("node_type", .string("group"))
    let attributes = reader.optional("attributes") ?? .object([:])
    // Copies of the arrays' metadata, which other programs add, are not needed.
    _ = reader.optional("consolidated_metadata")
    try reader.finish()
    return attributes
  }
}

/// Takes the members of an object one after another, so that none is left that nobody understands.
struct MemberReader {
  private var members: [String: NodeValue]
  private let path: String

  init(_ value: NodeValue, path: String) throws(GramStoreError) {
    guard case .object(let members) = value else {
      throw .malformed(path: path, expected: "an object", found: value.json())
    }
    (self.members, self.path) = (members, path)
  }

  private func place(_ name: String) -> String { path + (path.hasSuffix(".json") ? " " : ".") + name }

  mutating func optional(_ name: String) -> NodeValue? { members.removeValue(forKey: name) }

  mutating func value(_ name: String) throws(GramStoreError) -> NodeValue {
    guard let value = optional(name) else { throw .malformed(path: place(name), expected: "a value", found: "none") }
    return value
  }

  mutating func require(_ name: String, _ expected: NodeValue) throws(GramStoreError) {
    let found = try value(name)
    guard found == expected else {
      throw .malformed(path: place(name), expected: Self.line(expected), found: Self.line(found))
    }
  }

  mutating func string(_ name: String) throws(GramStoreError) -> String {
    let found = try value(name)
    guard case .string(let text) = found else {
      throw .malformed(path: place(name), expected: "a text", found: Self.line(found))
    }
    return text
  }

  mutating func boolean(_ name: String) throws(GramStoreError) -> Bool {
    let found = try value(name)
    guard case .boolean(let value) = found else {
      throw .malformed(path: place(name), expected: "true or false", found: Self.line(found))
    }
    return value
  }

  mutating func size(_ name: String, atLeast least: Int) throws(GramStoreError) -> Int {
    let found = try value(name)
    guard case .integer(let size) = found, size >= least, size <= 1 << 48 else {
      throw .malformed(path: place(name), expected: "an integer of at least \(least)", found: Self.line(found))
    }
    return size
  }

  mutating func strings(_ name: String) throws(GramStoreError) -> [String] {
    let found = try value(name)
    var texts: [String] = []
    if case .array(let values) = found {
      for case .string(let text) in values { texts.append(text) }
      if texts.count == values.count { return texts }
    }
    throw .malformed(path: place(name), expected: "a list of texts", found: Self.line(found))
  }

  mutating func sizes(_ name: String, atLeast least: Int) throws(GramStoreError) -> [Int] {
    let found = try value(name)
    var sizes: [Int] = []
    if case .array(let values) = found {
      for case .integer(let size) in values where size >= least && size <= 1 << 48 { sizes.append(size) }
      if sizes.count == values.count { return sizes }
    }
    throw .malformed(path: place(name), expected: "a list of integers of at least \(least)", found: Self.line(found))
  }

  mutating func object(_ name: String) throws(GramStoreError) -> MemberReader {
    try MemberReader(try value(name), path: place(name))
  }

  /// - Throws: where there are members that nobody asked for, unless they say that they need not be understood.
  func finish() throws(GramStoreError) {
    for (name, value) in members.sorted(by: { $0.key < $1.key }) {
      if case .object(let inner) = value, inner["must_understand"] == .boolean(false) { continue }
      throw .malformed(path: place(name), expected: "no such member", found: Self.line(value))
    }
  }

  /// A value for a message, on one line.
  static func line(_ value: NodeValue) -> String {
    let text = value.json().split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return text.count > 80 ? text.prefix(77) + "..." : text
  }
}
