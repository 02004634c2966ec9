import CNeuralTangents
import Networks
import Platform
import Tensors

/// What a job gives: named arrays, and JSON about them.
final class ValuesObject: Sendable {
  let json: CString
  private let entries: [Entry]

  /// An array with what C reads of it, which stays where it is.
  private final class Entry: Sendable {
    let name: CString
    let tensor: Tensor
    private nonisolated(unsafe) let shape: UnsafeMutablePointer<Int64>

    init(_ name: String, _ tensor: Tensor) {
      (self.name, self.tensor) = (CString(name), tensor)
      shape = .allocate(capacity: max(1, tensor.rank))
      for (axis, size) in tensor.shape.enumerated() { shape[axis] = Int64(size) }
    }

    deinit { shape.deallocate() }

    var array: nt_array {
      nt_array(data: address, dtype: tensor.dtype.code, rank: Int32(tensor.rank), shape: UnsafePointer(shape))
    }

    private var address: UnsafeRawPointer {
      switch tensor.dtype {
      case .float32: UnsafeRawPointer(tensor.unsafePointer(to: Float.self))
      case .float64: UnsafeRawPointer(tensor.unsafePointer(to: Double.self))
      case .int32: UnsafeRawPointer(tensor.unsafePointer(to: Int32.self))
      case .bool: UnsafeRawPointer(tensor.unsafePointer(to: Bool.self))
      }
    }
  }

  init(_ arrays: [(name: String, tensor: Tensor)], json: NodeValue = .object([:])) {
    entries = arrays.map { Entry($0.name, $0.tensor) }
    self.json = CString(json.json())
  }

  var count: Int { entries.count }

  func name(_ index: Int) -> CString? { entries.indices.contains(index) ? entries[index].name : nil }

  func array(_ index: Int) -> nt_array? { entries.indices.contains(index) ? entries[index].array : nil }

  func byteCount(_ index: Int) -> Int { entries[index].tensor.count * entries[index].tensor.dtype.byteCount }
}

/// A string that C reads, where it is as long as this object lives.
final class CString: Sendable {
  nonisolated(unsafe) let pointer: UnsafePointer<CChar>?

  init(_ string: String) { pointer = UnsafePointer(copied(string)) }

  deinit { free(UnsafeMutablePointer(mutating: pointer)) }
}

private func values(_ pointer: OpaquePointer?) throws -> ValuesObject {
  try object(pointer, as: ValuesObject.self, "values")
}

@_cdecl("nt_values_count")
public func valuesCount(_ pointer: OpaquePointer?) -> Int64 { Int64((try? values(pointer))?.count ?? 0) }

@_cdecl("nt_values_name")
public func valuesName(_ pointer: OpaquePointer?, _ index: Int64) -> UnsafePointer<CChar>? {
  (try? values(pointer))?.name(Int(index))?.pointer
}

@_cdecl("nt_values_array")
public func valuesArray(_ pointer: OpaquePointer?, _ index: Int64, _ array: UnsafeMutablePointer<nt_array>?) -> Int32 {
  guard let array, let found = (try? values(pointer))?.array(Int(index)) else { return 0 }
  array.pointee = found
  return 1
}

@_cdecl("nt_values_copy")
public func copyValues(
  _ pointer: OpaquePointer?, _ index: Int64, _ memory: UnsafeMutableRawPointer?, _ size: Int64,
  _ error: UnsafeMutablePointer<nt_error>?
) -> Int32 {
  reporting(error) {
    let values = try values(pointer)
    guard let array = values.array(Int(index)), let data = array.data else {
      throw Failure.argument("index", expected: "one below \(values.count)", found: "\(index)")
    }
    guard let memory, Int(size) == values.byteCount(Int(index)) else {
      throw Failure.argument(
        "memory", expected: "\(values.byteCount(Int(index))) bytes", found: memory == nil ? "a null pointer" : "\(size)"
      )
    }
    memcpy(memory, data, Int(size))
    return 1
  } ?? 0
}

@_cdecl("nt_values_json")
public func valuesJSON(_ pointer: OpaquePointer?) -> UnsafePointer<CChar>? { (try? values(pointer))?.json.pointer }

@_cdecl("nt_values_free")
public func freeValues(_ values: OpaquePointer?) { release(values, as: ValuesObject.self) }
