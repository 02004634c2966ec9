import Platform

/// Where plugins are looked for.
public enum PluginSearch {
  /// The environment variable that names a plugin.
  public static let variable = "NEURAL_TANGENTS_PJRT_PLUGIN"

  /// Where a platform's plugins lie among the packages of a Python installation, the preferred ones first.
  private static func files(_ platform: String) -> [String] {
    switch platform {
    case "cuda": ["jax_plugins/xla_cuda13/xla_cuda_plugin.so", "jax_plugins/xla_cuda12/xla_cuda_plugin.so"]
    case "tpu": ["libtpu/libtpu.so"]
    case "cpu": ["xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so", "lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so"]
    default: []
    }
  }

  /// The plugin for a platform: what the environment names, else the first that is found.
  ///
  /// - Parameters:
  ///   - platform: `cpu`, `cuda` or `tpu`.
  ///   - device: for the message.
  /// - Throws: `DeviceError.noPlugin` with the places that were looked at.
  public static func path(for platform: String, device: String) throws(DeviceError) -> String {
    if let path = environment(variable), !path.isEmpty { return path }
    var searched: [String] = []
    for folder in folders {
      searched.append(folder.name)
      for packages in folder.packages {
        for file in files(platform) {
          let path = packages + "/" + file
          if access(path, R_OK) == 0 { return path }
        }
      }
    }
    throw .noPlugin(device: device, searched: searched)
  }

  /// Where `make accelerator` puts plugins: `~/.local/share/neural-tangents/plugins`.
  public static var folder: String { (environment("HOME") ?? "") + "/.local/share/neural-tangents/plugins" }

  /// Places in their order, each with the package folders that it has.
  private static var folders: [(name: String, packages: [String])] {
    var result = [(folder, entries(folder).sorted().flatMap { packages("\(folder)/\($0)") })]
    var prefixes = [environment("VIRTUAL_ENV"), environment("CONDA_PREFIX")].compactMap { $0 }
    for directory in (environment("PATH") ?? "").split(separator: ":") where directory.hasSuffix("/bin") {
      if access("\(directory)/python3", X_OK) == 0 { prefixes.append(String(directory.dropLast(4))) }
    }
    prefixes.append((environment("HOME") ?? "") + "/.local")
    var known: Set<String> = []
    for prefix in prefixes where !prefix.isEmpty && known.insert(prefix).inserted {
      let found = packages(prefix)
      if !found.isEmpty { result.append(("\(prefix)/lib/python3*", found)) }
    }
    return result
  }

  /// Folders of Python packages below `prefix`.
  private static func packages(_ prefix: String) -> [String] {
    ["lib", "lib64", "local/lib"].flatMap { library in
      entries("\(prefix)/\(library)").filter { $0.hasPrefix("python3") }.sorted().reversed().flatMap { python in
        ["site-packages", "dist-packages"].map { "\(prefix)/\(library)/\(python)/\($0)" }
          .filter { access($0, X_OK) == 0 }
      }
    }
  }

  private static func entries(_ path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var result: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: entry.pointee.d_name)) {
          String(cString: $0)
        }
      }
      if !name.hasPrefix(".") { result.append(name) }
    }
    return result
  }

  private static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
