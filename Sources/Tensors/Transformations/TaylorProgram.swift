extension Program {
  /// The series of the outputs for series of the inputs, all of one order.
  func taylor(_ inputs: [TaylorSeries], order: Int) throws(TensorError) -> [TaylorSeries] {
    var values = inputs + constants.map { TaylorSeries($0, order: order) }
    values.reserveCapacity(types.count)
    for equation in equations {
      values += try equation.primitive.taylor(equation.inputs.map { values[$0] }, order: order)
    }
    return outputs.map { values[$0] }
  }

  /// The program of the inputs, then the directions of the inputs that are `active`, which gives what `results` makes
  /// of the series of the outputs along x + t·direction.
  func taylorProgram(
    active: [Bool], order: Int, _ results: ([TaylorSeries]) -> [Tensor]
  ) throws(TensorError) -> Program {
    let activeTypes = zip(inputTypes, active).filter(\.1).map(\.0)
    return try Program.build(inputTypes + activeTypes) { values throws(TensorError) in
      let directions = Self.spread(values[inputCount...], over: active)
      let series = zip(values, directions).map { value, direction in
        var series = TaylorSeries(value, order: order)
        if order > 0 { series.coefficients[1] = direction }
        return series
      }
      return results(try taylor(series, order: order))
    }
  }
}

extension Subprogram {
  func taylor(_ x: [TaylorSeries], order: Int) throws(TensorError) -> [TaylorSeries] {
    switch derivative {
    case .custom(let rule):
      // y' is what the rule gives for x and x', as functions of t: its series of an order less, integrated.
      let slopes = x.map { x in
        x.value.dtype.isFloatingPoint ? x.derivative : TaylorSeries(.zero(of: x.value), order: order - 1)
      }
      let tangents = try rule.taylor(x.map { $0.truncated(to: order - 1) } + slopes, order: order - 1)
      let values = try applyAll(.call(self), x.map(\.value))
      return zip(values, tangents).map { value, tangent in
        guard value.dtype.isFloatingPoint else { return TaylorSeries(value, order: order) }
        let coefficients = tangent.coefficients.enumerated().map { k, c in c.map { $0 / Double(k + 1) } }
        return TaylorSeries([value] + coefficients)
      }
    case .recomputed:
      let present = x.map { $0.coefficients.map { $0 != nil } }
      let given = x.flatMap { $0.coefficients.compactMap { $0 } }
      var isResult: [[Bool]] = []
      let expanded = try Program.build(given.map(\.type)) { values throws(TensorError) in
        let results = try program.taylor(Self.series(values, present), order: order)
        isResult = results.map { $0.coefficients.map { $0 != nil } }
        return results.flatMap { $0.coefficients.compactMap { $0 } }
      }
      let results = try applyAll(.call(Subprogram("\(name) series", expanded, .recomputed)), given)
      return Self.series(results, isResult)
    }
  }

  /// One coefficient after the other where it is present.
  private static func series(_ coefficients: [Tensor], _ present: [[Bool]]) -> [TaylorSeries] {
    var next = coefficients.makeIterator()
    return present.map { TaylorSeries($0.map { $0 ? next.next() : nil }) }
  }
}
