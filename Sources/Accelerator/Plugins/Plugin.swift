import CPjrt
import Synchronization

/// A library that compiles and runs programs on a kind of device, by the C interface PJRT.
///
/// Nothing links a plugin: it is loaded when a device is first asked for, and stays for the life of the process.
public final class Plugin: Sendable {
  private struct Table: @unchecked Sendable { let api: UnsafeRawPointer }

  /// The file.
  public let path: String
  /// The version of the interface that it speaks, such as `0.81`.
  public let version: String
  /// The version of StableHLO that it was built with, such as `1.13.3`; empty where it does not say.
  public let stableHLOVersion: String
  private let table: Table

  var api: UnsafeRawPointer { table.api }

  private static let loaded = Mutex<[String: Plugin]>([:])

  /// The plugin in a file, loaded once.
  ///
  /// - Throws: `DeviceError` where the file is none, or speaks too old a version.
  public static func load(_ path: String) throws(DeviceError) -> Plugin {
    if let known = loaded.withLock({ $0[path] }) { return known }
    let plugin = try Plugin(path)
    // Another thread may have been faster; the library is there once in any case.
    return loaded.withLock { plugins in
      if let known = plugins[path] { return known }
      plugins[path] = plugin
      return plugin
    }
  }

  private init(_ path: String) throws(DeviceError) {
    var description = nt_pjrt_plugin()
    do throws(PluginError) {
      try PluginError.check(nt_pjrt_open(path, &description))
    } catch {
      if error.code == nt_pjrt_too_old {
        throw .tooOld(
          path: path, found: "\(description.major).\(description.minor)", needed: "0.\(nt_pjrt_oldest_minor())")
      }
      throw .plugin(path: path, problem: error.message)
    }
    guard let api = description.api else { preconditionFailure("a plugin without functions") }
    self.path = path
    table = Table(api: api)
    version = "\(description.major).\(description.minor)"
    let numbers = [description.stablehlo.0, description.stablehlo.1, description.stablehlo.2]
    stableHLOVersion = numbers == [0, 0, 0] ? "" : numbers.map { String($0) }.joined(separator: ".")
  }
}
