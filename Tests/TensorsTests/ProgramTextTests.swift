import Testing

@testable import Tensors

@Suite("Programs as text, simplified, and walked")
struct ProgramTextTests {
  private let x = Tensor.ones([2, 3], dtype: .float64)
  private let w = Tensor.ones([3, 4], dtype: .float64)

  private func text(_ f: @escaping (Tensor, Tensor) throws -> [Tensor]) throws -> String {
    try trace(f, at: x, w).description
  }

  @Test("a program is written one equation a line, with types, options and constants")
  func text() throws {
    #expect(
      try text { x, w in [tanh(matmul(x, w)) * 2, x.sum(axis: 1)] } == """
        program(a: float64[2,3], b: float64[3,4]) {
          c: float64[] = 2.0
          d: float64[2,4] = dotGeneral(a, b) {contracting: [1]·[0]}
          e: float64[2,4] = tanh(d)
          f: float64[2,4] = multiply(e, c)
          g: float64[2] = reduceSum(a) {axes: [1]}
          return f, g
        }
        """)
    #expect(
      try trace(gradient(of: { (x: Tensor) in sin(x).sum() }), at: x).description == """
        program(a: float64[2,3]) {
          b: float64[2,3] = cos(a)
          return b
        }
        """)
    #expect(
      try text { x, _ in [x[0, .stride(by: 2)], try checkpoint { exp($0) }(x)] } == """
        program(a: float64[2,3], b: float64[3,4]) {
          c: float64[1,2] = slice(a) {0..<1, 0..<3 by 2}
          d: float64[2] = reshape(c)
          e: float64[2,3] = call checkpoint(a) program(a: float64[2,3]) {
            b: float64[2,3] = exp(a)
            return b
          }
          return d, e
        }
        """)
  }

  @Test("values are named a to z, then aa")
  func names() throws {
    let program = try trace({ (x: Tensor) in (0..<30).reduce(x) { y, _ in sin(y) } }, at: x)
    let lines = program.description.split(separator: "\n")
    #expect(lines[25] == "  z: float64[2,3] = sin(y)")
    #expect(lines[26] == "  aa: float64[2,3] = sin(z)")
    #expect(lines.last(where: { $0.contains("return") }) == "  return ae")
  }

  @Test("what nothing needs is left out, and what occurs twice is computed once")
  func unused() throws {
    #expect(
      try text { x, w in
        _ = matmul(x, w)
        return [sin(x) * sin(x), exp(-x) + exp(-x)]
      } == """
        program(a: float64[2,3], b: float64[3,4]) {
          c: float64[2,3] = sin(a)
          d: float64[2,3] = multiply(c, c)
          e: float64[2,3] = negate(a)
          f: float64[2,3] = exp(e)
          g: float64[2,3] = add(f, f)
          return d, g
        }
        """)
  }

  @Test("equations on constants are done beforehand")
  func constants() throws {
    var builder = ProgramBuilder()
    let input = builder.input(TensorType(shape: [2], dtype: .float64))
    let (two, three) = (builder.constant(Tensor(2.0)), builder.constant(Tensor(3.0)))
    let product = builder.equation(.binary(.multiply), [two, three]).lowerBound
    let root = builder.equation(.unary(.square), [product]).lowerBound
    let result = builder.equation(.binary(.add), [input, root]).lowerBound
    #expect(
      builder.finish(outputs: [result]).simplified().description == """
        program(a: float64[2]) {
          b: float64[] = 36.0
          c: float64[2] = add(a, b)
          return c
        }
        """)
  }

  @Test("reshapes, transpositions and conversions that change nothing, or undo one another, are left out")
  func layouts() throws {
    #expect(
      try text { x, _ in
        [
          x.transposed().transposed(), x.reshaped(6).reshaped(3, 2).reshaped(2, 3), x.reversed(0)[.all, .all],
          -(-x), x * 1, x / 1, x - 0, x.reshaped(2, 1, 3).transposed(1, 0, 2),
        ]
      } == """
        program(a: float64[2,3], b: float64[3,4]) {
          c: float64[2,3] = reverse(a) {axes: [0]}
          d: float64[1,2,3] = reshape(a)
          return a, a, c, a, a, a, a, d
        }
        """)
  }

  @Test("zeros keep their signs: adding 0 turns −0 into 0, and stays")
  func zeros() throws {
    let zero = Tensor([-0.0])
    for f in [{ $0 + 0 }, { $0 - 0 }, { 0 + $0 }, { $0 * 1 }] as [(Tensor) -> Tensor] {
      #expect(try trace({ f($0) }, at: zero)([zero])[0].isIdentical(to: f(zero)))
    }
    #expect(try trace({ (x: Tensor) in x - 0 }, at: zero).equations.isEmpty)
    #expect(try trace({ (x: Tensor) in x + 0 }, at: zero).equations.count == 1)
  }

  @Test("transpositions move into the products that read them, and repeated operands stay unrepeated")
  func products() throws {
    #expect(
      try text { x, w in [matmul(w.transposed(), x.transposed()), x + w[0, 0].broadcast(to: [2, 3])] } == """
        program(a: float64[2,3], b: float64[3,4]) {
          c: float64[4,2] = dotGeneral(b, a) {contracting: [0]·[1]}
          d: float64[1,1] = slice(b) {0..<1, 0..<1}
          e: float64[] = reshape(d)
          f: float64[2,3] = add(a, e)
          return c, f
        }
        """)
  }

  @Test("a client walks a program: multiplications and additions of its matrix products, and the memory of its values")
  func walking() throws {
    let f = { (x: Tensor, w: Tensor) -> Tensor in square(matmul(tanh(matmul(x, w)), w.transposed())).sum() }
    func operations(_ program: Program) -> Int {
      program.equations.reduce(0) { count, equation in
        switch equation.primitive {
        case .dotGeneral(let dimensions):
          let a = program.types[equation.inputs[0]]
          let contracted = dimensions.aContracting.reduce(1) { $0 * a.shape[$1] }
          return count + program.types[equation.outputs.lowerBound].count * contracted
        case .call(let subprogram): return count + operations(subprogram.program)
        default: return count
        }
      }
    }
    #expect(operations(try trace(f, at: x, w)) == 2 * 4 * 3 + 2 * 3 * 4)
    // Per product of the value two more, less the one for the input x, whose gradient is not asked for.
    let gradient = try trace(gradient(of: { (w: Tensor, x: Tensor) in f(x, w) }), at: w, x)
    #expect(operations(gradient) == 5 * 24)
    let program = try trace(f, at: x, w)
    #expect(program.inputTypes.map(\.description) == ["float64[2,3]", "float64[3,4]"])
    #expect(program.outputTypes == [TensorType(shape: [], dtype: .float64)])
    #expect(program.types.map(\.byteCount).reduce(0, +) > 0)
    #expect(program.equations.allSatisfy { equation in equation.inputs.allSatisfy { $0 < equation.outputs.lowerBound } })
  }

  @Test("the messages for inputs that do not fit name the primitive, what it takes, and what it was given")
  func attributes() throws {
    #expect(Primitive.reduce(.max, axes: [1]).name == "reduceMax")
    #expect(Primitive.slice(starts: [0], limits: [4], strides: [2]).attributes == "0..<4 by 2")
    let inputs = [TensorType(shape: [2], dtype: .float64), TensorType(shape: [3], dtype: .float64)]
    #expect(
      Primitive.binary(.add).mismatch(inputs)
        == "add: expected two tensors of numbers of one element type whose shapes broadcast, "
        + "found float64[2], float64[3]")
    #expect(
      Primitive.cholesky.mismatch([inputs[0]]) == "cholesky: expected floating-point square matrices, found float64[2]")
  }
}
