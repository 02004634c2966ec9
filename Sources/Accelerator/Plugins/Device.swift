import CPjrt
import CovarianceEngine
import Synchronization
import Tensors

/// A device that programs run on: a GPU, a TPU, or for tests a processor through the same interface.
///
/// ```swift
/// let device = try Device.named("cuda:0")
/// let kernel = try network.kernel(x1, x2, options: KernelOptions(device: device))
/// let step = compile(trainingStep, device: device)
/// ```
public final class Device: KernelDevice, Sendable {
  /// The platform and the number: `cuda:0`.
  public let name: String
  /// What the maker calls it: `NVIDIA H200`.
  public let kind: String
  /// Bytes of memory that programs may take; nil where the plugin does not say.
  public let memory: Int?
  let client: Client
  let index: Int
  private let programs = Mutex(RecentPrograms<LoadedProgram>())

  var plugin: Plugin { client.plugin }
  var pointer: UnsafeMutableRawPointer { client.device(index) }

  private static let devices = Mutex<[String: Device]>([:])

  /// The plugin that drives it.
  public var pluginDescription: String {
    "\(plugin.path) (PJRT \(plugin.version)"
      + (plugin.stableHLOVersion.isEmpty ? ")" : ", StableHLO \(plugin.stableHLOVersion))")
  }

  private init(_ client: Client, _ index: Int) throws(DeviceError) {
    (self.client, self.index) = (client, index)
    name = "\(client.platform):\(index)"
    var id: Int32 = 0
    var (kind, text): (UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<CChar>?)
    do throws(PluginError) {
      try PluginError.check(nt_pjrt_device_describe(client.plugin.api, client.device(index), &id, &kind, &text))
    } catch {
      throw error.of("\(client.platform):\(index)")
    }
    self.kind = Client.taken(kind)
    _ = Client.taken(text)
    let bytes = nt_pjrt_device_memory(client.plugin.api, client.device(index))
    memory = bytes > 0 ? Int(bytes) : nil
  }

  /// The device of a name: `cuda:1`; `cuda` is the first one.
  ///
  /// - Parameter plugin: the file of its plugin; nil for the one that is found.
  /// - Throws: `DeviceError` where there is no plugin, or no such device.
  public static func named(_ name: String, plugin: String? = nil) throws(DeviceError) -> Device {
    let parts = name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard parts.count <= 2, ["cpu", "cuda", "tpu"].contains(parts[0]) else { throw .name(name) }
    guard let index = parts.count == 1 ? 0 : Int(parts[1]), index >= 0 else { throw .name(name) }
    return try device(try Client.shared(parts[0], device: name, plugin: plugin), index, name)
  }

  /// All devices of a platform: `cuda`.
  ///
  /// - Parameter plugin: the file of its plugin; nil for the one that is found.
  /// - Throws: `DeviceError` where there is no plugin, or no device.
  public static func all(_ platform: String, plugin: String? = nil) throws(DeviceError) -> [Device] {
    guard ["cpu", "cuda", "tpu"].contains(platform) else { throw .name(platform) }
    let client = try Client.shared(platform, device: platform, plugin: plugin)
    var result: [Device] = []
    for index in 0..<client.deviceCount { result.append(try device(client, index, platform)) }
    return result
  }

  private static func device(_ client: Client, _ index: Int, _ name: String) throws(DeviceError) -> Device {
    guard index < client.deviceCount else {
      let last = client.deviceCount - 1
      throw .noDevice(
        name: name,
        problem: "expected \(client.platform):0\(last > 0 ? " to \(client.platform):\(last)" : ", the only one")")
    }
    let key = "\(client.platform):\(index) \(client.plugin.path)"
    if let known = devices.withLock({ $0[key] }) { return known }
    let device = try Device(client, index)
    return devices.withLock { devices in
      if let known = devices[key] { return known }
      devices[key] = device
      return device
    }
  }

  /// The program of a module's text, compiled when it is first asked for.
  func program(_ text: String) throws(DeviceError) -> LoadedProgram {
    if let known = programs.withLock({ $0.program(text) }) { return known }
    let program = try LoadedProgram(text, on: self)
    programs.withLock { $0.add(program, text) }
    return program
  }
}
