import FiniteWidth
import Foundation
import Networks
import TestSupport
import Testing

@testable import Accelerator
@testable import CovarianceEngine
@testable import Tensors

/// Writes modules with their arguments and the results that they must have, for machines with a card and without Swift:
/// `Scripts/gpu-check.sh`. Only where DEVICE_CASES names a folder.
@Suite("Cases for other machines", .enabled(if: DeviceCases.folder != nil))
struct DeviceCaseWriter {
  @Test("primitives, each element type in modules of some")
  func primitives() throws {
    for dtype in [DType.float32, .float64] {
      var cases: [PrimitiveCase] = []
      for item in PrimitiveTable.shared {
        let types = item.inputs.map { $0.rounded(to: dtype).type }
        guard let primitive = try? item.primitive(dtype), !ProgramEmitter.isOfHost(primitive) else { continue }
        _ = types
        cases.append(item)
      }
      for (number, start) in stride(from: 0, to: cases.count, by: 80).enumerated() {
        let part = cases[start..<min(start + 80, cases.count)]
        let inputs = part.map { $0.inputs.map { $0.rounded(to: dtype) } }
        let functions = try part.map { try $0.function(dtype) }
        let program = try Program.trace(inputs.flatMap { $0 }.map(\.type)) { tensors in
          var rest = tensors[...]
          return try zip(inputs, functions).flatMap { input, function in
            defer { rest = rest.dropFirst(input.count) }
            return try function(Array(rest.prefix(input.count)))
          }
        }.program
        try DeviceCases.write(
          "1-primitives-\(dtype)-\(number)", program, inputs.flatMap { $0 },
          tolerance: dtype == .float32 ? 1e-5 : 1e-11)
      }
    }
  }

  @Test("kernels of 21 layers: pooled and flattened")
  func kernels() throws {
    for (name, dtype, sides, isPooled) in [
      ("pooled", DType.float32, (4, 4), true), ("pooled", .float32, (8, 8), true), ("pooled", .float64, (4, 4), true),
      ("flattened", .float32, (64, 64), false),
    ] {
      try DeviceCases.writeKernel(
        "2-kernel-\(name)-\(dtype)-\(sides.0 * sides.1)", rows: sides.0, columns: sides.1,
        try DeviceCases.goal(dtype, isPooled: isPooled))
    }
    try DeviceCases.writeKernel("2-kernel-myrtle10-float32-16", rows: 4, columns: 4, try DeviceCases.myrtle(.float32))
  }

  @Test("gradients of finite networks")
  func gradients() throws {
    let networks: [(String, any Layer, [Int])] = [
      (
        "perceptron",
        Serial {
          Dense(512); Relu(); Dense(512); Relu(); Dense(10)
        }, [256, 784]
      ),
      (
        "convolutions",
        Serial {
          Conv(32, window: [3, 3], padding: .same); Relu(); Conv(32, window: [3, 3], strides: [2, 2], padding: .same)
          Relu(); Flatten(); Dense(10)
        }, [32, 32, 32, 3]
      ),
    ]
    for (name, network, shape) in networks {
      let x = RandomKey(seed: 1).normal(shape, dtype: .float32)
      let y = RandomKey(seed: 2).normal([shape[0], 10], dtype: .float32)
      let parameters = try network.initialize(RandomKey(seed: 3), inputShape: shape, dtype: .float32)
      let program = try trace(
        { (p: Parameters, x: Tensor, y: Tensor) in
          try gradient(of: { (p: Parameters) in halfMeanSquaredError(try network(p, x), y) })(p)
        }, at: parameters, x, y)
      try DeviceCases.write("3-gradient-\(name)", program, parameters.leaves + [x, y], tolerance: 1e-4, repeats: 20)
    }
  }
}

enum DeviceCases {
  static let folder = ProcessInfo.processInfo.environment["DEVICE_CASES"].flatMap { $0.isEmpty ? nil : $0 }

  /// The covariance program of the tenth of Myrtle's networks.
  static func myrtle(_ dtype: DType) throws -> CovarianceGoal {
    try goal(Myrtle(depth: 10, biasStd: 0.1), dtype)
  }

  /// The covariance program of the 21 layers of 3 × 3 windows on 32 × 32 images that published figures are of.
  static func goal(_ dtype: DType, isPooled: Bool, layers: Int = 21) throws -> CovarianceGoal {
    let convolutions = (0..<layers).flatMap { _ -> [any Layer] in
      [Conv(8, window: [3, 3], padding: .same, weightStd: 1.4, biasStd: 0.1), Relu()]
    }
    return try goal(Serial(convolutions + [isPooled ? GlobalAvgPool() : Flatten(), Dense(1)] as [any Layer]), dtype)
  }

  private static func goal(_ network: any Layer, _ dtype: DType) throws -> CovarianceGoal {
    var (program, outputs) = try network.covarianceValues(forInput: [32, 32, 3])
    let output = program.merged(outputs[0])
    return CovarianceGoal(
      program, outputs: [output], inputs: [.init(isMatrix: false, channels: 3)], tangent: .given,
      wantsAllPositions: false, dtype: dtype)
  }

  static func writeKernel(_ name: String, rows: Int, columns: Int, _ goal: CovarianceGoal) throws {
    let dtype = goal.dtype
    let module = try KernelModule(goal, rows: rows, columns: columns, isSymmetric: false, masked: [])
    let (x1, x2) = (
      RandomKey(seed: 1).normal([rows, 32, 32, 3], dtype: dtype),
      RandomKey(seed: 2).normal([columns, 32, 32, 3], dtype: dtype)
    )
    let values = goal.program.steps.filter { $0.operation is DualOperation }.map { $0.operands[0] }
    let source = try InputNumbersSource(goal, values: values)
    let (first, second) = (try source.numbers(x1, mask: nil), try source.numbers(x2, mask: nil))
    let arguments = module.inputs.map { DeviceRun.tensor($0, first, second) }
    // What the fused executor computes, by float64.
    let exact = CovarianceGoal(
      goal.program, outputs: goal.outputs, inputs: goal.inputs, tangent: .given, wantsAllPositions: false,
      dtype: .float64)
    let block = try ExecutorChoice(exact, options: KernelOptions()).executor.run(
      BlockRequest(
        inputs: [.data(ProgramData(x1: x1.asType(.float64), x2: x2.asType(.float64), mask1: nil, mask2: nil))],
        patterns: nil, rows: 0..<rows, columns: 0..<columns, selfCovariances: []))[0]
    try write(
      name, HLOModule(module.staged), arguments, [block.k12.asType(dtype), block.theta!.asType(dtype)],
      tolerance: dtype == .float32 ? 1e-4 : 1e-8, repeats: 10, pairs: rows * columns)
  }

  static func write(
    _ name: String, _ program: Program, _ inputs: [Tensor], tolerance: Double, repeats: Int = 0
  ) throws {
    try write(name, HLOModule(program), inputs, try program(inputs), tolerance: tolerance, repeats: repeats)
  }

  /// - Parameter pairs: of inputs in a call, for the time of one.
  static func write(
    _ name: String, _ module: HLOModule, _ arguments: [Tensor], _ results: [Tensor], tolerance: Double,
    repeats: Int = 0, pairs: Int = 0
  ) throws {
    guard let folder else { return }
    let url = URL(fileURLWithPath: folder).appendingPathComponent(name)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    try Data(module.text.utf8).write(to: url.appendingPathComponent("module.mlir"))
    var lines: [String] = []
    func add(_ tensor: Tensor, _ kind: String, _ file: String, _ rest: String = "") throws {
      let type = ["float32": "f32", "float64": "f64", "int32": "s32", "bool": "pred"]["\(tensor.dtype)"]!
      let sizes = tensor.shape.map { " \($0)" }.joined()
      lines.append("\(kind) \(type) \(tensor.rank)\(sizes) \(file)\(rest)")
      let bytes = Data(bytes: tensor.storage.bytes, count: tensor.byteCount)
      try bytes.write(to: url.appendingPathComponent(file))
    }
    for (index, tensor) in (arguments + module.constants).enumerated() { try add(tensor, "argument", "a\(index).bin") }
    var expected = results
    if module.hasCheck { expected.append(Tensor(true)) }
    for (index, tensor) in expected.enumerated() { try add(tensor, "output", "r\(index).bin", " \(tolerance)") }
    if repeats > 0 { lines.append("repeat \(repeats)") }
    if pairs > 0 { lines.append("pairs \(pairs)") }
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: url.appendingPathComponent("case.txt"))
  }
}
