import Networks
import Platform
import Tensors
import TestSupport
import Testing

@testable import GramStore

@Suite("Zarr arrays of stores")
struct ZarrTests {
  @Test("chunks give back what they hold, and are of one size")
  func chunks() throws {
    let array = ZarrArray(shape: [5, 7], dtype: .float32, chunkShape: [3, 4])
    let matrix = RandomKey(seed: 1).normal([5, 7])
    for (rows, columns) in [(0..<3, 0..<4), (3..<5, 4..<7), (0..<3, 4..<7)] {
      let part = matrix[rows, columns]
      let bytes = ZarrChunk.encoded(part, chunkShape: array.chunkShape)
      #expect(bytes.count == 3 * 4 * 4 + 4 && bytes.count == array.chunkByteCount)
      #expect(try ZarrChunk.decoded(bytes, array, shape: part.shape) == part)
      // What is beyond the edge is not zero.
      let whole = try ZarrChunk.decoded(bytes, array, shape: [3, 4]).scalars(as: Float.self)
      #expect(whole.count { $0.isNaN } == 12 - part.count)
    }
  }

  @Test("data of all types and shapes come back from their arrays")
  func data() throws {
    let files = MemoryFiles()
    let tensors = [
      RandomKey(seed: 1).normal([7, 3]), RandomKey(seed: 2).normal([3, 2, 2, 2], dtype: .float64),
      Tensor([1, 2, 3] as [Int32], shape: [3]), Tensor([true, false, true, true], shape: [2, 2]),
    ]
    for (index, x) in tensors.enumerated() {
      let path = "\(files.name)/x\(index)"
      try StoredData.write(x, to: path, files)
      let found = try StoredData.read(path, shape: x.shape, dtype: x.dtype, files)
      #expect(found.dtype == x.dtype && found.shape == x.shape)
      #expect(memcmp(found.storage.bytes, x.storage.bytes, x.byteCount) == 0)
    }
  }

  @Test("every flipped bit, every truncation and an empty file are found")
  func damage() throws {
    let array = ZarrArray(shape: [3, 4], dtype: .float32, chunkShape: [3, 4])
    let bytes = ZarrChunk.encoded(RandomKey(seed: 1).normal([3, 4]), chunkShape: [3, 4])
    for bit in 0..<8 * bytes.count {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: ZarrChunk.Damage.self) { try ZarrChunk.check(damaged, byteCount: array.chunkByteCount) }
    }
    for count in 0..<bytes.count {
      #expect(throws: ZarrChunk.Damage.self) {
        try ZarrChunk.check(Array(bytes[..<count]), byteCount: array.chunkByteCount)
      }
    }
  }

  @Test("metadata are read as they are written, and nothing else is")
  func metadata() throws {
    let array = ZarrArray(
      shape: [300, 300], dtype: .float32, chunkShape: [128, 128], dimensionNames: ["row", "column"])
    #expect(try ZarrArray(NodeValue(json: Array(array.json.json().utf8)), path: "zarr.json") == array)
    guard case .object(let members) = array.json else {
      Issue.record("no object")
      return
    }
    func isRefused(_ change: (inout [String: NodeValue]) -> Void) -> Bool {
      var members = members
      change(&members)
      do {
        _ = try ZarrArray(.object(members), path: "zarr.json")
        return false
      } catch {
        return error.description.hasPrefix("zarr.json")
      }
    }
    for name in members.keys where name != "attributes" && name != "dimension_names" {
      #expect(isRefused { $0[name] = nil }, "\(name)")
      #expect(isRefused { $0[name] = .string("other") }, "\(name)")
    }
    #expect(isRefused { $0["storage_transformers"] = .array([.object([:])]) })
    #expect(isRefused { $0["something"] = .integer(1) })
    #expect(!isRefused { $0["something"] = .object(["must_understand": .boolean(false)]) })
    #expect(!isRefused { $0["storage_transformers"] = .array([]) })
    #expect(isRefused { $0["fill_value"] = .integer(0) })
    #expect(isRefused { $0["shape"] = .array([.integer(-1), .integer(3)]) })
    #expect(isRefused { $0["dimension_names"] = .array([.string("row")]) })
  }

  @Test("damaged and missing metadata of a store are named with their place")
  func storeMetadata() throws {
    let files = MemoryFiles()
    let path = "\(files.name)/k.zarr"
    _ = try GramStore.make(.slices, at: path, count: 20, tileSize: 16, files: files)
    func message(_ file: String, _ text: (String) -> String) -> String {
      let other = files.copy()
      let (otherPath, place) = ("\(other.name)/k.zarr", "\(other.name)/k.zarr/\(file)")
      other.corrupt(place) { $0 = Array(text(String(decoding: $0, as: UTF8.self)).utf8) }
      do {
        _ = try GramStore.open(at: otherPath, files: other).computation()
        return "none"
      } catch {
        return error.description
      }
    }
    #expect(message("zarr.json") { $0 } == "none")
    #expect(message("zarr.json") { _ in "" }.contains("expected JSON"))
    #expect(message("zarr.json") { _ in "{}" }.contains("zarr_format: expected a value, found none"))
    #expect(
      message("zarr.json") { $0.replacing("\"format\": 1", with: "\"format\": 2") }.contains("format: expected 1"))
    #expect(
      message("zarr.json") { $0.replacing("\"biasStd\": 0.2", with: "\"biasStd\": 0.3") }.contains(
        "networkSHA256: expected"))
    #expect(message("zarr.json") { $0.replacing("float32", with: "float16") }.contains("dtype: expected"))
    #expect(message("ntk/zarr.json") { $0.replacing("16", with: "17") }.contains("in chunks of [16, 16], found"))
    #expect(message("ntk/zarr.json") { $0.replacing("crc32c", with: "zstd") }.contains("codecs: expected"))
    #expect(message("x1/c/0/0/0/0") { _ in "" }.contains("x1/c/0/0/0/0: expected 2564 bytes, found 0"))
    #expect(throws: GramStoreError.self) { try GramStore.open(at: "\(files.name)/none", files: files) }
  }
}
