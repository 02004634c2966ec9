import Tensors

extension ProgramEmitter {
  /// The lower factor; of a matrix that is not positive definite it is not finite, which a check says.
  mutating func cholesky(_ a: HLOValue) -> HLOValue {
    let factor = writer.apply("stablehlo.cholesky \(a.name), lower = true", a.type.hlo, a.type)
    let isFinite = writer.moved("is_finite \(factor.name)", factor, TensorType(shape: a.shape, dtype: .bool))
    addCheck(writer.reduce(.min, isFinite, axes: Array(a.shape.indices)))
    return factor
  }

  mutating func triangularSolve(_ a: HLOValue, _ b: HLOValue, _ options: TriangularSolveOptions) -> HLOValue {
    if !options.unitDiagonal { addDiagonalCheck(a) }
    if a.shape[a.shape.count - 1] == 1 {
      // Compilers have ended the process over matrices of one number.
      return options.unitDiagonal ? b : writer.same("divide", b, writer.broadcast(a, to: b.shape))
    }
    let matrices = writer.broadcast(a, to: b.shape.dropLast(2) + a.shape.suffix(2))
    return writer.apply(
      "\"stablehlo.triangular_solve\"(\(matrices.name), \(b.name)) <{left_side = \(options.side == .left), lower = "
        + "\(options.lower), unit_diagonal = \(options.unitDiagonal), transpose_a = #stablehlo<transpose "
        + "\(options.transpose ? "TRANSPOSE" : "NO_TRANSPOSE")>}>",
      "(\(matrices.type.hlo), \(b.type.hlo)) -> \(b.type.hlo)", b.type)
  }

  /// No zero stands on the diagonal.
  private mutating func addDiagonalCheck(_ a: HLOValue) {
    let rank = a.shape.count
    let indices = TensorType(shape: a.shape, dtype: .int32)
    let (rows, columns) = (writer.iota(indices, axis: rank - 2), writer.iota(indices, axis: rank - 1))
    let isOff = writer.compare("NE", rows, columns)
    let isNonzero = writer.compare("NE", a, writer.filled(0, a.type))
    addCheck(writer.reduce(.min, writer.same("or", isOff, isNonzero), axes: Array(a.shape.indices)))
  }
}
