import TestSupport
import Testing

@testable import Accelerator
@testable import Tensors

@Suite("Random programs on devices", .serialized, .enabled(if: TestPlugins.isThere))
struct DeviceProgramFuzzTests {
  /// Two thousand programs when FUZZ is set.
  private static let count: UInt64 = TestSwitch.fuzz.isOn ? 2_000 : 60
  /// So many at a time in one module.
  private static let together: UInt64 = 20

  private struct Sample {
    let seed: UInt64
    let program: Program
    let inputs: [Tensor]
    /// The same in float64.
    let exact: (program: Program, inputs: [Tensor])
  }

  private static func samples(_ seeds: Range<UInt64>, _ dtype: DType) throws -> [Sample] {
    try seeds.map { seed in
      var generator = ProgramGenerator(seed: seed + 50_000)
      let made = generator.generate(length: 3 + Int(seed % 20))
      let exact = (made.program, made.samples[0])
      guard dtype == .float32 else {
        return Sample(seed: seed, program: made.program, inputs: made.samples[0], exact: exact)
      }
      return Sample(
        seed: seed, program: try made.program.converted(to: dtype),
        inputs: made.samples[0].map { $0.rounded(to: dtype) },
        exact: exact)
    }
  }

  /// All programs' results from all programs' inputs.
  private static func joined(_ samples: [Sample], _ f: (Sample, [Tensor]) throws -> [Tensor]) throws -> Program {
    try Program.trace(samples.flatMap { $0.inputs.map(\.type) }) { tensors in
      var rest = tensors[...]
      return try samples.flatMap { sample in
        defer { rest = rest.dropFirst(sample.inputs.count) }
        return try f(sample, Array(rest.prefix(sample.inputs.count)))
      }
    }.program
  }

  /// - Parameter reference: what the results would be without rounding, where that matters; what is far from it is a matter of
  ///   the last bit, as are integers such as the order of equal numbers, and is not compared.
  private func check(
    _ samples: [Sample], _ device: Device, tolerance: Double, reference: ((Sample) throws -> [Tensor])?,
    _ f: (Sample, [Tensor]) throws -> [Tensor]
  ) throws -> (largest: Double, compared: Int, all: Int) {
    let program = try Self.joined(samples, f)
    let found = try DeviceProgram(program, on: device)(samples.flatMap(\.inputs))
    var (place, largest, compared) = (0, 0.0, 0)
    for sample in samples {
      let exact = try reference?(sample)
      for (index, expected) in try f(sample, sample.inputs).enumerated() {
        if let exact,
          !expected.dtype.isFloatingPoint || largestDifference(expected, exact[index].asType(expected.dtype)) > 1e-5
        {
          place += 1
          continue
        }
        compared += 1
        let difference = largestDifference(found[place], expected)
        largest = max(largest, difference)
        #expect(
          difference <= tolerance,
          "seed \(sample.seed): \(found[place]) instead of \(expected)\n\(sample.program)\n\(sample.inputs)")
        place += 1
      }
    }
    return (largest, compared, place)
  }

  private func forAll(
    _ dtype: DType, tolerance: Double, reference: ((Sample) throws -> [Tensor])? = nil,
    _ f: (Sample, [Tensor]) throws -> [Tensor]
  ) throws {
    let device = try TestPlugins.device()
    var (largest, compared, count) = (0.0, 0, 0)
    for start in stride(from: 0, to: Self.count, by: Self.together.asStride) {
      let part = try check(
        try Self.samples(start..<start + Self.together, dtype), device, tolerance: tolerance, reference: reference, f)
      (largest, compared, count) = (max(largest, part.largest), compared + part.compared, count + part.all)
    }
    // Hardly anything is a matter of the last bit.
    #expect(reference == nil ? compared == count : compared * 10 > count * 8)
    if TestSwitch.printErrors.isOn {
      print("\(Self.count) programs in \(dtype): \(largest), \(compared) of \(count) results compared")
    }
  }

  @Test("random programs give what the native evaluator gives, in float64")
  func values() throws { try forAll(.float64, tolerance: 1e-12) { try $0.program($1) } }

  @Test("the same in float32, to what a few roundings come to")
  func singles() throws {
    try forAll(
      .float32, tolerance: 2e-4, reference: { try $0.exact.program($0.exact.inputs) }, { try $0.program($1) })
  }

  @Test("gradients of random programs give what the native evaluator gives")
  func gradients() throws {
    try forAll(.float64, tolerance: 1e-11) { sample, inputs in
      let places = inputs.indices.filter { inputs[$0].dtype == .float64 }
      let result = try valueAndGradient(
        of: { (x: [Tensor]) in
          var all = inputs
          for (place, tensor) in zip(places, x) { all[place] = tensor }
          var total = Tensor(0.0)
          for (index, output) in try sample.program(all).enumerated() where output.dtype == .float64 {
            total = total + sin(output * (1 + 0.1 * Double(index))).sum()
          }
          return total
        }, at: places.map { inputs[$0] })
      return [result.value] + result.gradient
    }
  }
}

extension UInt64 {
  fileprivate var asStride: Int { Int(self) }
}

extension Program {
  /// The same equations on numbers of another precision.
  fileprivate func converted(to dtype: DType) throws -> Program {
    func type(_ type: TensorType) -> TensorType {
      TensorType(shape: type.shape, dtype: type.dtype == .float64 ? dtype : type.dtype)
    }
    return try Program.trace(inputTypes.map(type)) { inputs in
      var values = inputs + constants.map { $0.rounded(to: dtype) }
      for equation in equations {
        var primitive = equation.primitive
        switch primitive {
        case .convert(.float64): primitive = .convert(dtype)
        case .iota(let shape, .float64, let axis): primitive = .iota(shape: shape, dtype: dtype, axis: axis)
        case .call(let subprogram):
          values += try subprogram.program.converted(to: dtype).interpreted(equation.inputs.map { values[$0] })
          continue
        default: break
        }
        values += try applyAll(primitive, equation.inputs.map { values[$0] })
      }
      return outputs.map { values[$0] }
    }.program
  }
}
