import CPjrt
import Tensors

/// A tensor whose elements are on a device, and stay there until they are asked for.
public final class DeviceTensor: Sendable {
  private struct Buffer: @unchecked Sendable { let pointer: UnsafeMutableRawPointer }

  /// Shape and element type.
  public let type: TensorType
  /// Where it is.
  public let device: Device
  private let buffer: Buffer

  var pointer: UnsafeMutableRawPointer { buffer.pointer }

  /// Takes over a buffer of the plugin.
  init(_ pointer: UnsafeMutableRawPointer, _ type: TensorType, on device: Device) {
    (buffer, self.type, self.device) = (Buffer(pointer: pointer), type, device)
  }

  /// Copies a tensor to a device.
  ///
  /// - Throws: `DeviceError`, where there is too little memory, say.
  /// - Precondition: the tensor has elements: it is not that of a function being traced.
  public convenience init(_ tensor: Tensor, on device: Device) throws(DeviceError) {
    var pointer: UnsafeMutableRawPointer?
    let sizes = tensor.shape.map { Int64($0) }
    do throws(PluginError) {
      try PluginError.check(
        nt_pjrt_upload(
          device.plugin.api, device.client.pointer, device.pointer, tensor.storage.bytes, tensor.dtype.pluginType,
          sizes, sizes.count, &pointer))
    } catch {
      throw error.of(device.name)
    }
    withExtendedLifetime(tensor) {}
    guard let pointer else { preconditionFailure("a buffer without address") }
    self.init(pointer, tensor.type, on: device)
  }

  /// Waits for the elements and copies them to this machine's memory.
  ///
  /// - Throws: `DeviceError`.
  public func download() throws(DeviceError) -> Tensor {
    let result = Tensor(uninitialized: type.shape, dtype: type.dtype)
    if type.count == 0 { return result }
    do throws(PluginError) {
      try PluginError.check(
        nt_pjrt_download(device.plugin.api, pointer, type.rank, result.storage.bytes, type.byteCount))
    } catch {
      throw error.of(device.name)
    }
    return result
  }

  deinit { nt_pjrt_buffer_destroy(device.plugin.api, buffer.pointer) }
}

extension DType {
  /// The interface's number.
  var pluginType: Int32 {
    switch self {
    case .float32: Int32(nt_pjrt_f32)
    case .float64: Int32(nt_pjrt_f64)
    case .int32: Int32(nt_pjrt_s32)
    case .bool: Int32(nt_pjrt_pred)
    }
  }
}
