import TestSupport
@testable import Tensors

/// A primitive and inputs at which its rules are checked: within the domain where it is smooth, away from corners.
struct PrimitiveCase: Sendable, CustomStringConvertible {
  let name: String
  let primitive: @Sendable (DType) throws -> Primitive
  /// Several independent inputs of the same shapes, floating-point ones in float64.
  let samples: [[Tensor]]
  /// Makes of the results what is a smooth function of the inputs.
  let finish: @Sendable ([Tensor]) -> [Tensor]

  var inputs: [Tensor] { samples[0] }
  var description: String { "\(name) of \(inputs.map(\.type))" }

  func function(_ dtype: DType = .float64) throws -> ([Tensor]) throws -> [Tensor] {
    let primitive = try primitive(dtype)
    return { inputs in finish(try applyAll(primitive, inputs)) }
  }
}

/// What a case is a case of. A new primitive does not compile here before it has a kind, and a kind without cases fails.
enum PrimitiveKind: Hashable {
  case unary(UnaryFunction), binary(BinaryFunction), compare(Comparison), reduce(Reduction), argReduce(Extreme)
  case convolution(ConvolutionRole), triangularSolve(TriangularSolveOptions), eigh(vectors: Bool), convert(DType)
  case plain(Plain)

  enum Plain: CaseIterable {
    case multiplyAdd, select, reshape, transpose, broadcast, reverse, slice, assign, pad, concatenate, cumulativeSum,
      iota
    case take, scatterAdd, takeAlong, scatterAddAlong, sort, argSort, dynamicSlice, dynamicUpdateSlice, dotGeneral
    case windowSum, cholesky, solve, stopGradient, checkpointCall, customCall
  }

  init(_ primitive: Primitive) {
    switch primitive {
    case .unary(let function): self = .unary(function)
    case .binary(let function): self = .binary(function)
    case .compare(let comparison): self = .compare(comparison)
    case .multiplyAdd: self = .plain(.multiplyAdd)
    case .select: self = .plain(.select)
    case .convert(let dtype): self = .convert(dtype)
    case .reshape: self = .plain(.reshape)
    case .transpose: self = .plain(.transpose)
    case .broadcast: self = .plain(.broadcast)
    case .reverse: self = .plain(.reverse)
    case .slice: self = .plain(.slice)
    case .assign: self = .plain(.assign)
    case .pad: self = .plain(.pad)
    case .concatenate: self = .plain(.concatenate)
    case .reduce(let reduction, _): self = .reduce(reduction)
    case .argReduce(let extreme, _): self = .argReduce(extreme)
    case .cumulativeSum: self = .plain(.cumulativeSum)
    case .iota: self = .plain(.iota)
    case .take: self = .plain(.take)
    case .scatterAdd: self = .plain(.scatterAdd)
    case .takeAlong: self = .plain(.takeAlong)
    case .scatterAddAlong: self = .plain(.scatterAddAlong)
    case .sort: self = .plain(.sort)
    case .argSort: self = .plain(.argSort)
    case .dynamicSlice: self = .plain(.dynamicSlice)
    case .dynamicUpdateSlice: self = .plain(.dynamicUpdateSlice)
    case .dotGeneral: self = .plain(.dotGeneral)
    case .convolution(_, let role): self = .convolution(role)
    case .windowSum: self = .plain(.windowSum)
    case .cholesky: self = .plain(.cholesky)
    case .triangularSolve(let options): self = .triangularSolve(options)
    case .solve: self = .plain(.solve)
    case .eigh(let vectors): self = .eigh(vectors: vectors)
    case .stopGradient: self = .plain(.stopGradient)
    case .call(let subprogram):
      switch subprogram.derivative {
      case .recomputed: self = .plain(.checkpointCall)
      case .custom: self = .plain(.customCall)
      }
    }
  }

  static var all: Set<PrimitiveKind> {
    var result = Set(Plain.allCases.map(PrimitiveKind.plain))
    result.formUnion(UnaryFunction.allCases.map(PrimitiveKind.unary))
    result.formUnion(BinaryFunction.allCases.map(PrimitiveKind.binary))
    result.formUnion(Comparison.allCases.map(PrimitiveKind.compare))
    result.formUnion(Reduction.allCases.map(PrimitiveKind.reduce))
    result.formUnion(Extreme.allCases.map(PrimitiveKind.argReduce))
    result.formUnion(ConvolutionRole.allCases.map(PrimitiveKind.convolution))
    result.formUnion(PrimitiveTable.triangularOptions.map(PrimitiveKind.triangularSolve))
    result.formUnion([
      .eigh(vectors: false), .eigh(vectors: true), .convert(.float32), .convert(.int32), .convert(.bool),
    ])
    return result
  }
}

/// The cases of all primitives.
struct PrimitiveTable {
  private(set) var cases: [PrimitiveCase] = []
  private var numbers = TestNumbers(seed: 2_026)

  static let shared: [PrimitiveCase] = {
    var table = PrimitiveTable()
    table.addElementwise()
    table.addLayout()
    table.addGathering()
    table.addReductions()
    table.addContractions()
    table.addLinearAlgebra()
    table.addCalls()
    return table.cases
  }()

  static let triangularOptions: [TriangularSolveOptions] = [MatrixSide.left, .right].flatMap { side in
    (0..<8).map { bits in
      TriangularSolveOptions(side: side, lower: bits & 1 == 1, transpose: bits & 2 == 2, unitDiagonal: bits & 4 == 4)
    }
  }

  mutating func add(
    _ primitive: Primitive, finish: @escaping @Sendable ([Tensor]) -> [Tensor] = { $0 },
    _ inputs: (inout TestNumbers) -> [Tensor]
  ) {
    let attributes = primitive.attributes.map { " {\($0)}" } ?? ""
    add(primitive.name + attributes, { _ in primitive }, finish: finish, inputs)
  }

  mutating func add(
    _ name: String, _ primitive: @escaping @Sendable (DType) throws -> Primitive,
    finish: @escaping @Sendable ([Tensor]) -> [Tensor] = { $0 }, _ inputs: (inout TestNumbers) -> [Tensor]
  ) {
    let samples = (0..<3).map { _ in inputs(&numbers) }
    cases.append(PrimitiveCase(name: name, primitive: primitive, samples: samples, finish: finish))
  }
}

extension TestNumbers {
  mutating func real(_ shape: [Int], _ low: Double = -2, _ high: Double = 2) -> Tensor {
    Tensor((0..<shape.product).map { _ in uniform(low, high) }, shape: shape)
  }

  /// Numbers of both signs that keep away from zero.
  mutating func nonzero(_ shape: [Int]) -> Tensor {
    Tensor((0..<shape.product).map { _ in uniform(0.4, 2) * (below(2) == 0 ? 1 : -1) }, shape: shape)
  }

  /// Numbers no two of which are closer than 0.1.
  mutating func apart(_ shape: [Int]) -> Tensor {
    var places = Array(0..<shape.product)
    for index in places.indices.dropLast() { places.swapAt(index, index + below(places.count - index)) }
    let half = Double(places.count) / 2
    return Tensor(places.map { (Double($0) - half) * 0.2 + uniform(0.02, 0.08) }, shape: shape)
  }

  mutating func integers(_ shape: [Int], _ low: Int, _ high: Int) -> Tensor {
    Tensor((0..<shape.product).map { _ in Int32(low + below(high - low + 1)) }, shape: shape)
  }

  /// Positions along an axis, some counted from its end.
  mutating func positions(_ shape: [Int], along size: Int) -> Tensor { integers(shape, -size, size - 1) }

  mutating func bools(_ shape: [Int]) -> Tensor {
    Tensor((0..<shape.product).map { _ in below(2) == 1 }, shape: shape)
  }

  /// Symmetric matrices with eigenvalues near the given ones, whose upper triangles hold other numbers.
  mutating func symmetric(_ batch: [Int], _ size: Int, eigenvalue: (Int) -> Double) -> Tensor {
    var matrix = real(batch + [size, size], -0.15, 0.15).scalars(as: Double.self)
    for index in 0..<batch.product * size {
      let (place, row) = (index / size * size * size, index % size)
      matrix[place + row * size + row] = eigenvalue(row) + uniform(0, 0.2)
    }
    return Tensor(matrix, shape: batch + [size, size])
  }

  mutating func positiveDefinite(_ batch: [Int], _ size: Int) -> Tensor {
    symmetric(batch, size) { 1 + 0.4 * Double($0) }
  }
}
