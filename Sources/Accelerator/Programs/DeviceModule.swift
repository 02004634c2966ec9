import Tensors

/// A module compiled for a device, with its large constants there.
struct DeviceModule: Sendable {
  let device: Device
  private let program: LoadedProgram
  private let constants: [DeviceTensor]
  private let outputTypes: [TensorType]
  private let hasCheck: Bool

  init(_ module: HLOModule, on device: Device) throws(DeviceError) {
    self.device = device
    program = try device.program(module.text)
    var constants: [DeviceTensor] = []
    for tensor in module.constants { constants.append(try DeviceTensor(tensor, on: device)) }
    self.constants = constants
    (outputTypes, hasCheck) = (module.outputTypes, module.hasCheck)
  }

  /// Bytes of arguments, results, temporaries and code; nil where the plugin does not count.
  var memory: [Int]? { program.memory }

  /// The program's outputs; nil where elements of the inputs made a factorisation fail.
  func run(_ arguments: [DeviceTensor]) throws(DeviceError) -> [DeviceTensor]? {
    var results = try program.run(arguments + constants, outputTypes)
    if hasCheck {
      let isFine = try results.removeLast().download()
      if !isFine.scalar(as: Bool.self) { return nil }
    }
    return results
  }
}
