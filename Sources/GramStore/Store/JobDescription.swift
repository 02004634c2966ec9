import CovarianceEngine
import Networks
import Platform
import Tensors

/// What a store was made for, as the attributes of its group say it: whoever goes on with another job is told which field differs.
struct JobDescription: Hashable, Sendable {
  /// A data set without its numbers.
  struct DataSet: Hashable, Sendable {
    var shape: [Int]
    var dtype: DType
    var digest: String

    init(_ x: Tensor) {
      (shape, dtype) = (x.shape, x.dtype)
      var hash = SHA256()
      hash.update(UnsafeRawBufferPointer(start: x.storage.bytes, count: x.byteCount))
      withExtendedLifetime(x) {}
      digest = hash.finish()
    }
  }

  /// Which tiles of a symmetric matrix are files.
  enum Layout: String, Hashable, Sendable { case full, upper }

  static let format = 1

  /// Its JSON, canonical: keys sorted, no argument that has its default value.
  var network: NodeValue
  /// By name: x1, x2, pattern1, pattern2.
  var data: [String: DataSet]
  var maskConstant: Double?
  var isSymmetric: Bool
  var kernels: [StoredKernel]
  /// Of the elements, and of the computation.
  var dtype: DType
  var tile: Int
  var layout: Layout
  var libraryVersion: String = LibraryVersion.text

  /// The names that data sets may have, in the order of messages.
  static let dataNames = ["x1", "x2", "pattern1", "pattern2"]

  var json: NodeValue {
    func value(_ set: DataSet?) -> NodeValue {
      guard let set else { return .null }
      return .object([
        "shape": .array(set.shape.map { .integer($0) }), "dtype": .string(set.dtype.rawValue),
        "sha256": .string(set.digest),
      ])
    }
    var members: [String: NodeValue] = [
      "format": .integer(Self.format), "network": network, "networkSHA256": .string(SHA256.digest(of: network.json())),
      "maskConstant": Self.maskValue(maskConstant), "symmetric": .boolean(isSymmetric),
      "kernels": .array(kernels.map { .string($0.rawValue) }), "dtype": .string(dtype.rawValue),
      "tile": .integer(tile), "layout": .string(layout.rawValue), "libraryVersion": .string(libraryVersion),
    ]
    for name in Self.dataNames { members[name] = value(data[name]) }
    return .object(members)
  }

  private static func maskValue(_ number: Double?) -> NodeValue {
    guard let number else { return .null }
    return number.isFinite ? .number(number) : .string(number.isNaN ? "NaN" : number > 0 ? "Infinity" : "-Infinity")
  }
}

extension JobDescription {
  /// - Parameter path: of the file that holds the attributes, for messages.
  init(_ attributes: NodeValue, path: String) throws(GramStoreError) {
    var reader = try MemberReader(attributes, path: path)
    let format = try reader.size("format", atLeast: 1)
    guard format == Self.format else {
      throw .malformed(
        path: path + " format", expected: "\(Self.format), which this version reads and writes", found: "\(format)")
    }
    network = try reader.value("network")
    try reader.require("networkSHA256", .string(SHA256.digest(of: network.json())))
    data = [:]
    for name in Self.dataNames {
      guard let value = reader.optional(name), value != .null else { continue }
      var inner = try MemberReader(value, path: "\(path) \(name)")
      let shape = try inner.sizes("shape", atLeast: 0)
      let dtype = try Self.word("dtype", DType.init, DType.allCases.map(\.rawValue), &inner, "\(path) \(name)")
      data[name] = DataSet(shape: shape, dtype: dtype, digest: try inner.string("sha256"))
      try inner.finish()
    }
    guard let x1 = data["x1"], !x1.shape.isEmpty else {
      throw .malformed(path: path + " x1", expected: "a data set", found: "none")
    }
    maskConstant = nil
    switch reader.optional("maskConstant") ?? .null {
    case .null: break
    case .integer(let number): maskConstant = Double(number)
    case .number(let number): maskConstant = number
    case .string("NaN"): maskConstant = .nan
    case .string("Infinity"): maskConstant = .infinity
    case .string("-Infinity"): maskConstant = -.infinity
    case let other: throw .malformed(path: path + " maskConstant", expected: "a number", found: other.json())
    }
    isSymmetric = try reader.boolean("symmetric")
    let names = try reader.strings("kernels")
    kernels = StoredKernel.allCases.filter { names.contains($0.rawValue) }
    guard !names.isEmpty, names == kernels.map(\.rawValue) else {
      throw .malformed(path: path + " kernels", expected: "nngp, ntk or both", found: names.joined(separator: ", "))
    }
    dtype = try Self.word("dtype", DType.init, ["float32", "float64"], &reader, path)
    tile = try reader.size("tile", atLeast: 1)
    layout = try Self.word("layout", Layout.init, ["full", "upper"], &reader, path)
    libraryVersion = try reader.string("libraryVersion")
  }

  private static func word<Value>(
    _ name: String, _ value: (String) -> Value?, _ words: [String], _ reader: inout MemberReader, _ path: String
  ) throws(GramStoreError) -> Value {
    let word = try reader.string(name)
    guard words.contains(word), let value = value(word) else {
      throw .malformed(path: "\(path) \(name)", expected: words.joined(separator: " or "), found: "\"\(word)\"")
    }
    return value
  }
}

extension JobDescription.DataSet {
  fileprivate init(shape: [Int], dtype: DType, digest: String) {
    (self.shape, self.dtype, self.digest) = (shape, dtype, digest)
  }
}

/// What somebody means to go on with, compared with what a store was made for.
extension JobDescription {
  /// - Throws: `GramStoreError.otherJob` where the network is another, with the first argument that differs.
  func require(network other: NodeValue, store: String) throws(GramStoreError) {
    guard let difference = Self.difference(network, other, []) else { return }
    throw .otherJob(
      store: store, what: "network", field: difference.field, there: difference.there, here: difference.here,
      remedy: "drop the network argument to continue this one")
  }

  /// - Parameters:
  ///   - name: x1, x2, pattern1 or pattern2.
  ///   - other: nil where there is none.
  func require(_ name: String, _ other: DataSet?, store: String) throws(GramStoreError) {
    func differ(_ field: String, _ there: String, _ here: String) -> GramStoreError {
      .otherJob(
        store: store, what: "data", field: field, there: there, here: here,
        remedy: "drop the option to continue with those in the store")
    }
    switch (data[name], other) {
    case (nil, nil): return
    case (nil, _): throw differ(name, "not given", "given")
    case (_, nil): throw differ(name, "given", "not given")
    case (let there?, let here?):
      if there.shape != here.shape { throw differ("the shape of \(name)", "\(there.shape)", "\(here.shape)") }
      if there.dtype != here.dtype { throw differ("the type of \(name)", "\(there.dtype)", "\(here.dtype)") }
      if there.digest != here.digest {
        throw differ("the SHA-256 of \(name)", "\(there.digest.prefix(12))…", "\(here.digest.prefix(12))…")
      }
    }
  }

  /// - Parameters:
  ///   - name: of the field.
  ///   - here: what is asked for; nil where nothing is.
  func require(_ name: String, there: String, here: String?, store: String) throws(GramStoreError) {
    guard let here, here != there else { return }
    throw .otherJob(
      store: store, what: name, field: "the \(name)", there: there, here: here,
      remedy: "drop the option to continue with it")
  }

  /// The first place where two networks differ: `serial[3].conv.weightStd`, 1.4, 1.5.
  static func difference(
    _ there: NodeValue, _ here: NodeValue, _ path: [NetworkError.PathComponent]
  ) -> (field: String, there: String, here: String)? {
    func found(_ there: String, _ here: String, _ path: [NetworkError.PathComponent]) -> (String, String, String) {
      let place = NetworkError(path: path, expected: "", found: "").pathDescription
      return (place.isEmpty ? "it" : place, there, here)
    }
    switch (there, here) {
    case (.object(let a), .object(let b)):
      // Layers have one key each: another layer is no missing argument.
      if a.count == 1, b.count == 1, let first = a.keys.first, let second = b.keys.first, first != second {
        return found(first, second, path)
      }
      for key in Set(a.keys).union(b.keys).sorted() {
        switch (a[key], b[key]) {
        case (let x?, let y?):
          if let difference = difference(x, y, path + [.name(key)]) { return difference }
        case (let x, let y):
          return found(
            x.map(MemberReader.line) ?? "not set", y.map(MemberReader.line) ?? "not set", path + [.name(key)])
        }
      }
      return nil
    case (.array(let a), .array(let b)):
      for (index, (x, y)) in zip(a, b).enumerated() {
        if let difference = difference(x, y, path + [.index(index)]) { return difference }
      }
      return a.count == b.count ? nil : found("of \(a.count) elements", "of \(b.count)", path)
    default:
      // A number that was written without a fraction is read as an integer.
      if let x = there.numericValue, let y = here.numericValue { return x == y ? nil : found("\(x)", "\(y)", path) }
      return there == here ? nil : found(MemberReader.line(there), MemberReader.line(here), path)
    }
  }
}

extension NodeValue {
  fileprivate var numericValue: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }
}
