import Foundation
import Synchronization

@testable import Accelerator

/// The plugins that tests run on: those for processors that `make accelerator DEVICE=cpu` installs, where it was called.
enum TestPlugins {
  /// The file and the short name of each that is there; none where nothing is installed, which is said once.
  static let paths: [(name: String, path: String)] = {
    setenv("TF_CPP_MIN_LOG_LEVEL", "3", 0)
    var result: [(String, String)] = []
    if let named = ProcessInfo.processInfo.environment[PluginSearch.variable] { result.append(("named", named)) }
    for folder in ["cpu", "cpu-lammps"] {
      let root = "\(PluginSearch.folder)/\(folder)/lib"
      for python in (try? FileManager.default.contentsOfDirectory(atPath: root))?.sorted() ?? [] {
        for file in ["xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so", "lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so"] {
          let path = "\(root)/\(python)/site-packages/\(file)"
          if FileManager.default.isReadableFile(atPath: path) { result.append((folder, path)) }
        }
      }
    }
    if result.isEmpty {
      print("skipped: tests of programs on devices: no plugin in \(PluginSearch.folder); make accelerator DEVICE=cpu")
    }
    return result
  }()

  static var isThere: Bool { !paths.isEmpty }

  /// The first device of the first plugin.
  static func device(_ index: Int = 0) throws -> Device { try Device.named("cpu:\(index)", plugin: paths[0].path) }

  /// The first device of every plugin.
  static func devices() throws -> [Device] { try paths.map { try Device.named("cpu:0", plugin: $0.path) } }
}

/// The C file of plugins that go wrong, compiled; nil where there is no compiler, which is said.
struct DoublePlugin {
  let path: String

  init?(_ name: String, _ definitions: [String]) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("plugin-double-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let output = folder.appendingPathComponent("\(name).so").path
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      [
        "clang", "-shared", "-fPIC", "-I", package.appendingPathComponent("Sources/CPjrt/vendor").path,
        package.appendingPathComponent("Tests/AcceleratorTests/Double/double.c").path, "-o", output,
      ] + definitions.map { "-D\($0)" }
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      print("skipped: plugins that go wrong: no C compiler named clang")
      return nil
    }
    path = output
  }
}
