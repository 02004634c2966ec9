import Synchronization
import Tensors

/// A tensor program ready to run on a device, any number of times and from any thread.
///
/// Equations without a form on devices (`solve`, `eigh`) are computed on the host, where the program is cut: see `notes`.
public final class DeviceProgram: Sendable {
  private struct Piece: Sendable {
    let piece: ProgramSplit.Piece
    /// nil for one of the host.
    let module: DeviceModule?
  }

  /// Where a value is.
  private enum Value {
    case host(Tensor)
    case device(DeviceTensor)
  }

  /// Where it runs.
  public let device: Device
  /// Types of the inputs.
  public let inputTypes: [TensorType]
  /// Types of the outputs.
  public let outputTypes: [TensorType]
  /// Which equations are computed on the host, in words.
  public let notes: [String]
  private let program: Program
  private let pieces: [Piece]

  /// - Throws: `DeviceError` where the plugin does not compile the program.
  public init(_ program: Program, on device: Device) throws {
    let split = try ProgramSplit(program)
    self.device = device
    self.program = split.program
    (inputTypes, outputTypes, notes) = (program.inputTypes, program.outputTypes, split.notes)
    pieces = try split.pieces.map { piece in
      Piece(piece: piece, module: piece.isOfHost ? nil : try DeviceModule(HLOModule(piece.program), on: device))
    }
  }

  /// The program's outputs, left on the device.
  ///
  /// - Throws: `DeviceError`, and `TensorError` from a factorisation, as the native evaluator.
  /// - Precondition: the inputs have the types of `inputTypes` and are on this device.
  public func callAsFunction(_ inputs: [DeviceTensor]) throws -> [DeviceTensor] {
    precondition(inputs.map(\.type) == inputTypes, "a program of \(inputTypes) called with \(inputs.map(\.type))")
    return try run(inputs.map { .device($0) }).map { try onDevice($0) }
  }

  /// The same from and to this machine's memory.
  public func callAsFunction(_ inputs: [Tensor]) throws -> [Tensor] {
    precondition(inputs.map(\.type) == inputTypes, "a program of \(inputTypes) called with \(inputs.map(\.type))")
    return try run(inputs.map { .host($0) }).map { try onHost($0) }
  }

  private func run(_ inputs: [Value]) throws -> [Value] {
    var values: [Int: Value] = [:]
    for (index, input) in inputs.enumerated() { values[index] = input }
    for (index, tensor) in program.constants.enumerated() { values[inputs.count + index] = .host(tensor) }
    func value(_ index: Int) -> Value {
      guard let value = values[index] else { preconditionFailure("value \(index) is read before it is made") }
      return value
    }
    for piece in pieces {
      let part = piece.piece
      let results: [Value]
      if let module = piece.module {
        let arguments = try part.inputs.map { input in
          let tensor = try onDevice(value(input))
          values[input] = .device(tensor)
          return tensor
        }
        results = try run(module, part.program, arguments)
      } else {
        results = try onHost(part.program, part.inputs.map { try onHost(value($0)) }).map { .host($0) }
      }
      for (place, result) in zip(part.outputs, results) { values[place] = result }
    }
    return program.outputs.map { value($0) }
  }

  private func run(_ module: DeviceModule, _ program: Program, _ arguments: [DeviceTensor]) throws -> [Value] {
    if let results = try module.run(arguments) { return results.map { .device($0) } }
    // A factorisation failed: the native evaluator says which and where. What it can factor after all is as good.
    return try onHost(program, try arguments.map { try $0.download() }).map { .host($0) }
  }

  /// By the native evaluator, also where the task's programs run on a device.
  private func onHost(_ program: Program, _ inputs: [Tensor]) throws(TensorError) -> [Tensor] {
    try ProgramRunners.onHost { () throws(TensorError) in try program(inputs) }
  }

  private func onDevice(_ value: Value) throws(DeviceError) -> DeviceTensor {
    switch value {
    case .host(let tensor): try DeviceTensor(tensor, on: device)
    case .device(let tensor): tensor
    }
  }

  private func onHost(_ value: Value) throws(DeviceError) -> Tensor {
    switch value {
    case .host(let tensor): tensor
    case .device(let tensor): try tensor.download()
    }
  }
}
