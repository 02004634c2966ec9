import CPjrt
import Platform
import Synchronization

/// A process's connection to the devices of one platform.
final class Client: Sendable {
  private struct Handle: @unchecked Sendable { let pointer: UnsafeMutableRawPointer }

  let plugin: Plugin
  /// `cpu`, `cuda` or `tpu`.
  let platform: String
  private let handle: Handle
  private let handles: [Handle]

  var pointer: UnsafeMutableRawPointer { handle.pointer }
  var deviceCount: Int { handles.count }
  func device(_ index: Int) -> UnsafeMutableRawPointer { handles[index].pointer }

  /// What the plugin prints as its platform's version: for `info` and bug reports.
  let platformVersion: String

  private static let clients = Mutex<[String: Client]>([:])

  /// The client of a platform, made once in a process, from the plugin that is found.
  static func shared(_ platform: String, device: String, plugin: String?) throws(DeviceError) -> Client {
    let path: String
    if let plugin { path = plugin } else { path = try PluginSearch.path(for: platform, device: device) }
    let key = platform + " " + path
    if let known = clients.withLock({ $0[key] }) { return known }
    if platform == "tpu" { TensorProcessors.prepare() }
    let client = try Client(try Plugin.load(path), platform, device: device)
    return clients.withLock { clients in
      if let known = clients[key] { return known }
      clients[key] = client
      return client
    }
  }

  init(_ plugin: Plugin, _ platform: String, device: String) throws(DeviceError) {
    (self.plugin, self.platform) = (plugin, platform)
    let found: String
    do throws(PluginError) {
      let pointer = try Self.connect(plugin, platform)
      var (name, version): (UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<CChar>?)
      try PluginError.check(nt_pjrt_client_platform(plugin.api, pointer, &name, &version))
      (found, platformVersion) = (Self.taken(name), Self.taken(version))
      var devices: UnsafePointer<UnsafeMutableRawPointer?>?
      var count = 0
      try PluginError.check(nt_pjrt_client_devices(plugin.api, pointer, &devices, &count))
      handle = Handle(pointer: pointer)
      handles = (0..<count).compactMap { index in devices?[index].map { Handle(pointer: $0) } }
    } catch {
      throw Self.connectionError(error, plugin, platform, device)
    }
    guard found == platform || (platform == "cuda" && found == "gpu") else {
      throw .noDevice(name: device, problem: "\(plugin.path) is a plugin for \(found), not for \(platform)")
    }
    guard !handles.isEmpty else { throw .noDevice(name: device, problem: "the plugin finds no device") }
  }

  private static func connectionError(
    _ error: PluginError, _ plugin: Plugin, _ platform: String, _ device: String
  ) -> DeviceError {
    // NOT_FOUND and FAILED_PRECONDITION: there is a plugin, and nothing that it could use.
    guard error.code == 5 || error.code == 9 else { return error.of(device) }
    guard platform == "cuda" else {
      return .noDevice(name: device, problem: "the plugin finds no \(platform.uppercased()) device: \(error.message)")
    }
    let (kind, driver) = plugin.path.contains("cuda12") ? ("cuda12", 525) : ("cuda13", 580)
    return .noDevice(
      name: device, problem: "the plugin finds no CUDA device (driver ≥ \(driver) for \(kind)): \(error.message)")
  }

  private static func connect(_ plugin: Plugin, _ platform: String) throws(PluginError) -> UnsafeMutableRawPointer {
    // A CUDA client would take most of the memory at its start.
    let options = platform == "cuda" ? [("preallocate", nt_pjrt_bool, Int64(0))] : []
    var client: UnsafeMutableRawPointer?
    var error: UnsafeMutablePointer<nt_pjrt_error>?
    withOptions(options) { error = nt_pjrt_client_create(plugin.api, $0, options.count, &client) }
    try PluginError.check(error)
    guard let client else { preconditionFailure("a client without address") }
    return client
  }

  private static func withOptions(
    _ options: [(name: String, kind: nt_pjrt_kind, value: Int64)], _ body: (UnsafePointer<nt_pjrt_option>?) -> Void
  ) {
    var names = options.map { strdup($0.name) }
    var values = options.map(\.value)
    defer { for name in names { free(name) } }
    values.withUnsafeMutableBufferPointer { values in
      let described = options.indices.map { index in
        nt_pjrt_option(
          name: names[index], kind: options[index].kind, string: nil,
          integers: values.baseAddress.map { UnsafePointer($0 + index) }, count: 1, real: 0)
      }
      described.withUnsafeBufferPointer { body($0.baseAddress) }
    }
    names.removeAll(keepingCapacity: true)
  }

  /// A string of the C functions, which is freed.
  static func taken(_ text: UnsafeMutablePointer<CChar>?) -> String {
    guard let text else { return "" }
    defer { free(text) }
    return String(cString: text)
  }

  deinit { nt_pjrt_client_destroy(plugin.api, handle.pointer) }
}
