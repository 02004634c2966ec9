import Foundation
import Testing

@testable import Accelerator
@testable import Tensors

@Suite("The text of primitives")
struct PrimitiveTextTests {
  /// The first case of every kind in float32, but for what the host computes.
  private static func texts() throws -> [(name: String, text: String)] {
    var known: Set<PrimitiveKind> = []
    var result: [(String, String)] = []
    for item in PrimitiveTable.shared {
      let primitive = try item.primitive(.float32)
      // Of the sixteen ways to solve a triangular system one is enough.
      if case .triangularSolve(let options) = primitive, options != PrimitiveTable.triangularOptions[3] { continue }
      let kind = PrimitiveKind(primitive)
      guard !ProgramEmitter.isOfHost(primitive), item.inputs.allSatisfy({ $0.count > 1 || $0.rank == 0 }),
        item.inputs.contains(where: { $0.count > 1 }) || item.inputs.isEmpty, known.insert(kind).inserted
      else { continue }
      let inputs = item.inputs.map { $0.rounded(to: .float32) }
      let program = try Program.trace(inputs.map(\.type)) { try applyAll(primitive, $0) }.program
      // Without the frame, which is the same for all.
      let lines = HLOModule(program).text.split(separator: "\n").dropFirst().dropLast(2)
      let namesakes = result.count { $0.0 == item.name || $0.0.hasPrefix(item.name + ", ") }
      let name = namesakes == 0 ? item.name : "\(item.name), \(namesakes + 1)"
      result.append((name, lines.map { $0.dropFirst(2) }.joined(separator: "\n")))
    }
    return result
  }

  @Test("every primitive is written as it was, to the letter")
  func golden() throws {
    let texts = try Self.texts()
    if ProcessInfo.processInfo.environment["PRINT_PRIMITIVE_TEXTS"] == "1" {
      for (name, text) in texts { print("### \(name)\n\(text)") }
      print("### end")
      return
    }
    var expected: [String: String] = [:]
    for part in PrimitiveTexts.all.components(separatedBy: "### ").dropFirst() {
      let (name, text) = (part.prefix { $0 != "\n" }, part.drop { $0 != "\n" }.dropFirst())
      expected[String(name)] = text.trimmingCharacters(in: .newlines)
    }
    #expect(texts.count > 60 && expected.count == texts.count)
    for (name, text) in texts { #expect(expected[name] == text, "\(name)") }
  }

  @Test("a module is a function of its inputs and its large constants")
  func module() throws {
    let table = Tensor.arange(1000, dtype: .float32)
    let program = try trace({ (x: Tensor) in [x * 2, x + table] }, at: Tensor.ones([1000], dtype: .float32))
    let module = HLOModule(program)
    #expect(module.constants.count == 1 && module.constants[0].isIdentical(to: table))
    #expect(
      module.text == """
        module @neural_tangents {
          func.func public @main(%input0: tensor<1000xf32>, %constant0: tensor<1000xf32>) -> (tensor<1000xf32>, tensor<1000xf32>) {
            %0 = stablehlo.constant dense<0x40000000> : tensor<f32>
            %1 = stablehlo.broadcast_in_dim %0, dims = [] : (tensor<f32>) -> tensor<1000xf32>
            %2 = stablehlo.multiply %input0, %1 : tensor<1000xf32>
            %3 = stablehlo.add %input0, %constant0 : tensor<1000xf32>
            return %2, %3 : tensor<1000xf32>, tensor<1000xf32>
          }
        }

        """)
  }

  @Test("positions that count from the front are taken as they are, all others are looked at")
  func positions() throws {
    let table = Tensor.arange(12, dtype: .float64)
    /// How often positions are compared with zero.
    func comparisons(_ positions: @escaping (Tensor) -> Tensor) throws -> Int {
      let program = try trace(
        { (x: Tensor, i: Tensor) in x.taking(positions(i), axis: 0) }, at: table, Tensor([0, 1] as [Int32], shape: [2]))
      return HLOModule(program).text.components(separatedBy: "stablehlo.compare LT").count - 1
    }
    let (near, far) = (Tensor([0, 3] as [Int32], shape: [2]), Tensor([0, Int32.max] as [Int32], shape: [2]))
    #expect(try comparisons { _ in near } == 0)
    #expect(try comparisons { _ in near.expandedDims(0) + near.expandedDims(1) * 2 } == 0)
    #expect(try comparisons { $0 } == 1)
    #expect(try comparisons { $0 + near } == 1)
    #expect(try comparisons { _ in Tensor([0, -1] as [Int32], shape: [2]) } == 1)
    // What overflows is negative.
    #expect(try comparisons { _ in far + near } == 1)
    #expect(try comparisons { _ in -near } == 1)
  }

  @Test("layers that are alike are one loop, whatever their number, and stages are apart")
  func loops() throws {
    func text(_ layers: Int) throws -> String {
      let goal = try DeviceCases.goal(.float32, isPooled: true, layers: layers)
      return HLOModule(
        try KernelModule(goal, rows: 2, columns: 2, isSymmetric: false, masked: []).staged
      ).text
    }
    let (short, long) = (try text(7), try text(21))
    func count(_ word: String, _ text: String) -> Int { text.components(separatedBy: word).count - 1 }
    #expect(count("stablehlo.while", short) == 1 && count("stablehlo.while", long) == 1)
    // One array has all that a turn reads of single inputs, and nobody looks whether positions are negative.
    #expect(count("stablehlo.dynamic_slice", long) == 1 && count("SIGNED", long) == 1)
    #expect(count("stablehlo.optimization_barrier", long) >= 3)
    // Depth is a number in the text.
    #expect(long.split(separator: "\n").count == short.split(separator: "\n").count)
    #expect(long.contains("dense<10> : tensor<i32>") && short.contains("dense<3> : tensor<i32>"))
  }
}
