import TestSupport
import Testing

@testable import Accelerator
@testable import Tensors

@Suite("Primitives on devices", .enabled(if: TestPlugins.isThere))
struct DevicePrimitiveTests {
  /// A case in one element type.
  private struct Instance {
    let name: String
    let inputs: [Tensor]
    let function: ([Tensor]) throws -> [Tensor]
  }

  private static func instances(_ dtype: DType) throws -> [Instance] {
    try PrimitiveTable.shared.flatMap { item in
      let function = try item.function(dtype)
      return try item.samples.prefix(1).compactMap { sample -> Instance? in
        let inputs = sample.map { $0.rounded(to: dtype) }
        // A case may be one of float64 only.
        guard (try? item.primitive(dtype).outputTypes(for: inputs.map(\.type))) != nil else { return nil }
        return Instance(name: "\(item)", inputs: inputs, function: function)
      }
    }
  }

  /// Cases together in one program, so that there are few to compile.
  private func check(_ instances: ArraySlice<Instance>, _ device: Device, tolerance: Double) throws -> Double {
    let types = instances.flatMap { $0.inputs.map(\.type) }
    var counts: [Int] = []
    let program = try Program.trace(types) { tensors in
      var rest = tensors[...]
      var results: [Tensor] = []
      for instance in instances {
        let made = try instance.function(Array(rest.prefix(instance.inputs.count)))
        rest = rest.dropFirst(instance.inputs.count)
        counts.append(made.count)
        results += made
      }
      return results
    }.program
    let inputs = instances.flatMap(\.inputs)
    let found = try DeviceProgram(program, on: device)(inputs)
    var place = 0
    var largest = 0.0
    for (instance, count) in zip(instances, counts) {
      let expected = try instance.function(instance.inputs)
      for index in 0..<count {
        let difference = largestDifference(found[place + index], expected[index])
        largest = max(largest, difference)
        #expect(
          difference <= tolerance,
          "\(instance.name) on \(device.pluginDescription): \(found[place + index]) instead of \(expected[index])")
      }
      place += count
    }
    return largest
  }

  @Test("every primitive gives on a device what the native evaluator gives", arguments: [DType.float64, .float32])
  func equality(dtype: DType) throws {
    let instances = try Self.instances(dtype)
    for device in try TestSwitch.fuzz.isOn ? TestPlugins.devices() : [TestPlugins.device()] {
      var largest = 0.0
      for start in stride(from: 0, to: instances.count, by: 60) {
        largest = max(
          largest,
          try check(
            instances[start..<min(start + 60, instances.count)], device, tolerance: dtype == .float64 ? 1e-12 : 3e-6))
      }
      if TestSwitch.printErrors.isOn {
        print("\(instances.count) primitives in \(dtype) on \(device.pluginDescription): \(largest)")
      }
    }
  }

  @Test("special numbers go through as they do natively")
  func specialNumbers() throws {
    let device = try TestPlugins.device()
    let x = Tensor([Double.nan, .infinity, -.infinity, -0.0, 0, 1, -1, 0.5, 2.5, -2.5, 1e300, -3])
    let y = Tensor([1.0, .nan, .infinity, 0, -0.0, .nan, 2, -0.5, 1, 1, 1e300, -3])
    func results(_ x: Tensor, _ y: Tensor) -> [Tensor] {
      [
        minimum(x, y), maximum(x, y), x .< y, x .<= y, x .== y, x .!= y, x .>= y, x .> y, x.min(axis: 0),
        x.max(axis: 0),
        x.argMax(axis: 0), x.argMin(axis: 0), y.argMax(axis: 0), x.sorted(axis: 0), x.argSorted(axis: 0), round(x),
        floor(x), ceil(x), sign(x), abs(x), x.asType(.bool), isFinite(x),
      ]
    }
    let f = compile({ (x: Tensor, y: Tensor) in results(x, y) }, device: device)
    for dtype in [DType.float64, .float32] {
      let (a, b) = (x.asType(dtype), y.asType(dtype))
      for (index, (found, expected)) in zip(try f(a, b), results(a, b)).enumerated() {
        #expect(largestDifference(found, expected) == 0, "\(index): \(found) instead of \(expected)")
      }
    }
  }

  @Test("constants are exact, short ones in the text and long ones as arguments")
  func constants() throws {
    let device = try TestPlugins.device()
    var numbers = TestNumbers(seed: 3)
    for shape in [[], [3], [40, 30]] {
      for constant in [
        numbers.real(shape), numbers.real(shape).asType(.float32) / 3, numbers.integers(shape, -1_000_000, 1_000_000),
        numbers.bools(shape),
      ] {
        let program = try trace({ (x: Tensor) in [x, constant] }, at: Tensor(1.0))
        let module = HLOModule(program)
        #expect(module.constants.count == (constant.byteCount > 1024 ? 1 : 0))
        let found = try DeviceProgram(program, on: device)([Tensor(2.0)])
        #expect(found[1].storage.hasSameBytes(as: constant.storage))
      }
    }
  }
}
