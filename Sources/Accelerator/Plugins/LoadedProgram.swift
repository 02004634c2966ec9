import CPjrt
import Tensors

/// A StableHLO module compiled for a device.
final class LoadedProgram: Sendable {
  private struct Handle: @unchecked Sendable { let pointer: UnsafeMutableRawPointer }

  private let device: Device
  private let handle: Handle
  private let outputCount: Int

  init(_ text: String, on device: Device) throws(DeviceError) {
    self.device = device
    let options = CompileOptions.bytes(device: device.index, platform: device.client.platform)
    var text = text
    var (pointer, count): (UnsafeMutableRawPointer?, Int) = (nil, 0)
    do throws(PluginError) {
      var error: UnsafeMutablePointer<nt_pjrt_error>?
      text.withUTF8 { bytes in
        bytes.withMemoryRebound(to: CChar.self) { code in
          error = nt_pjrt_compile(
            device.plugin.api, device.client.pointer, code.baseAddress, code.count, options, options.count, &pointer,
            &count)
        }
      }
      try PluginError.check(error)
    } catch {
      throw error.of(device.name)
    }
    guard let pointer else { preconditionFailure("a program without address") }
    (handle, outputCount) = (Handle(pointer: pointer), count)
  }

  /// Runs and waits.
  ///
  /// - Precondition: the arguments are on the device, of the module's types, and `types` are those of its results.
  func run(_ arguments: [DeviceTensor], _ types: [TensorType]) throws(DeviceError) -> [DeviceTensor] {
    precondition(types.count == outputCount, "a module of \(outputCount) results run for \(types.count)")
    let pointers = arguments.map { Optional($0.pointer) }
    var results = [UnsafeMutableRawPointer?](repeating: nil, count: outputCount)
    do throws(PluginError) {
      try PluginError.check(
        nt_pjrt_execute(device.plugin.api, handle.pointer, pointers, pointers.count, &results, outputCount))
    } catch {
      throw error.of(device.name)
    }
    withExtendedLifetime(arguments) {}
    return zip(results, types).map { pointer, type in
      guard let pointer else { preconditionFailure("a result without address") }
      return DeviceTensor(pointer, type, on: device)
    }
  }

  /// Bytes of arguments, results, temporaries and code, as the plugin counts them; nil where it does not.
  var memory: [Int]? {
    var bytes = [Int64](repeating: 0, count: 4)
    guard let error = nt_pjrt_loaded_memory(device.plugin.api, handle.pointer, &bytes) else {
      return bytes.map { Int($0) }
    }
    nt_pjrt_error_free(error)
    return nil
  }

  deinit { nt_pjrt_loaded_destroy(device.plugin.api, handle.pointer) }
}

/// Options of the compiler as the bytes of XLA's `CompileOptionsProto`.
enum CompileOptions {
  /// One program on one device. Both counts have to be there: without them the plugin ends the process.
  static func bytes(device: Int, platform: String) -> [UInt8] {
    // computation_devices: {replica_device_ids: [device]}
    let place = message(1, varint(device))
    let assignment = field(1, 1) + field(2, 1) + message(3, place)
    let build = field(4, 1) + field(5, 1) + message(9, assignment)
    // On processors the fast minimum of a number and NaN is the number.
    return message(3, build) + (platform == "cpu" ? override("xla_cpu_enable_fast_min_max", false) : [])
  }

  /// One of the compiler's own options.
  private static func override(_ name: String, _ value: Bool) -> [UInt8] {
    message(7, message(1, Array(name.utf8)) + message(2, field(2, value ? 1 : 0)))
  }

  /// For a device that is not there: the counts only.
  static let anyDevice: [UInt8] = message(3, field(4, 1) + field(5, 1))

  private static func varint(_ value: Int) -> [UInt8] {
    var (rest, result) = (value, [UInt8]())
    while rest > 127 {
      result.append(UInt8(rest & 127) | 128)
      rest >>= 7
    }
    return result + [UInt8(rest)]
  }

  private static func field(_ number: Int, _ value: Int) -> [UInt8] { varint(number << 3) + varint(value) }

  private static func message(_ number: Int, _ content: [UInt8]) -> [UInt8] {
    varint(number << 3 | 2) + varint(content.count) + content
  }
}
