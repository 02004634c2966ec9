import CNeuralTangents
import CovarianceEngine
import Networks
import Platform
import Tensors

/// What a network's handle points to.
final class NetworkObject: Sendable {
  let layer: any Layer

  init(_ layer: any Layer) { self.layer = layer }
}

func network(_ pointer: OpaquePointer?) throws -> any Layer {
  try object(pointer, as: NetworkObject.self, "network").layer
}

@_cdecl("nt_abi_version")
public func abiVersion() -> Int32 { Int32(NT_ABI_VERSION) }

@_cdecl("nt_info")
public func info() -> UnsafeMutablePointer<CChar>? {
  copied(
    NodeValue.object([
      "instructionSet": .string(Machine.instructionSet), "linearAlgebra": .string(Machine.linearAlgebra),
      "threads": .integer(Threads.count), "processors": .integer(Computer.processorCount),
      "layers": .array(LayerRegistry.names.map(NodeValue.string)),
    ]).json())
}

@_cdecl("nt_string_free")
public func freeString(_ string: UnsafeMutablePointer<CChar>?) { free(string) }

@_cdecl("nt_set_threads")
public func setThreads(_ count: Int64) { Threads.count = Int(clamping: count) }

@_cdecl("nt_threads")
public func threads() -> Int64 { Int64(Threads.count) }

@_cdecl("nt_network_parse")
public func parseNetwork(
  _ json: UnsafePointer<CChar>?, _ error: UnsafeMutablePointer<nt_error>?
) -> OpaquePointer? {
  reporting(error) { handle(NetworkObject(try NetworkFile(json: text(json, "json")).network)) }
}

@_cdecl("nt_network_free")
public func freeNetwork(_ network: OpaquePointer?) { release(network, as: NetworkObject.self) }

@_cdecl("nt_network_json")
public func networkJSON(
  _ pointer: OpaquePointer?, _ error: UnsafeMutablePointer<nt_error>?
) -> UnsafeMutablePointer<CChar>? {
  reporting(error) { copied(try NetworkFile(network(pointer)).json()) } ?? nil
}

@_cdecl("nt_network_output_shape")
public func outputShape(
  _ pointer: OpaquePointer?, _ inputs: UnsafePointer<CChar>?, _ error: UnsafeMutablePointer<nt_error>?
) -> UnsafeMutablePointer<CChar>? {
  reporting(error) { copied(node(try network(pointer).outputShape(shapes(inputs))).json()) } ?? nil
}
