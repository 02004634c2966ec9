import Tensors

/// What can go wrong with a device: all of it is thrown, and says what to do.
public enum DeviceError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A device's name is none.
  case name(String)
  /// No plugin for the device's platform was found in these places.
  case noPlugin(device: String, searched: [String])
  /// A file is not a plugin, or cannot be loaded.
  case plugin(path: String, problem: String)
  /// A plugin speaks an older version of the interface than is understood.
  case tooOld(path: String, found: String, needed: String)
  /// The plugin finds no such device.
  case noDevice(name: String, problem: String)
  /// The device has too little memory; `needed` is the plugin's word on it.
  case memory(device: String, needed: String, advice: String)
  /// Anything else that the plugin says; codes are those of gRPC.
  case failed(device: String, code: Int, message: String)

  public var description: String {
    switch self {
    case .name(let name):
      "device \(name): expected cpu, cuda or tpu, with a number as in cuda:0 or without, or several with commas between"
    case .noPlugin(let device, let searched):
      "device \(device): no plugin found in \(searched.joined(separator: ", ")); run make accelerator or set "
        + "\(PluginSearch.variable)"
    case .plugin(let path, let problem): problem.contains(path) ? problem : "\(path): \(problem)"
    case .tooOld(let path, let found, let needed): "\(path): plugin speaks PJRT \(found), \(needed) or later needed"
    case .noDevice(let name, let problem): "device \(name): \(problem)"
    case .memory(let device, let needed, let advice):
      "device \(device): out of device memory: \(needed) needed; reduce \(advice)"
    case .failed(let device, let code, let message): "device \(device): code \(code): \(message)"
    }
  }

  /// The same for functions that throw errors of tensors.
  var asTensorError: TensorError {
    switch self {
    case .noDevice(let name, let problem): .device(name: name, problem: problem)
    case .memory(let device, let needed, let advice):
      .device(name: device, problem: "out of device memory: \(needed) needed; reduce \(advice)")
    case .failed(let device, let code, let message): .device(name: device, problem: "code \(code): \(message)")
    case .name(let name), .noPlugin(let name, _), .plugin(let name, _), .tooOld(let name, _, _):
      .device(name: name, problem: description)
    }
  }
}
