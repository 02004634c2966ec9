import CovarianceEngine
import Tensors

extension LossFlow {
  /// The states at some times, in their order; times may come in any order and more than once.
  ///
  /// At infinite time that is the minimum of the loss, found by Newton's method: where the flow ends if the loss is strictly convex,
  /// but for what it does not depend on at all (a number added to all logits of a row), and has a minimum. Of a loss that is not
  /// convex it is a minimum near the flow; of one that is flat where it is least, one of many. Cross-entropy with labels that are
  /// certain has none where the kernel can tell the classes apart.
  ///
  /// - Parameters:
  ///   - time: times none of which is before that of `state`; one of them, an array, or infinity.
  ///   - state: where to go on from; nil for the start.
  /// - Throws: `PredictionError.notReached` with the time that was reached when the steps run out, or when there is no minimum
  ///   for infinite time, and what the loss throws.
  public func states(at time: TrainingTime, from state: State? = nil) throws -> [State] {
    let origin = state ?? initialState
    let times = time.values
    if let time = times.first(where: { !($0 >= origin.time) }) {
      throw PredictionError.invalidValue(
        argument: "time", expected: "numbers of at least \(origin.time)", found: "\(time)")
    }
    guard (origin.velocity == nil) == (momentum == nil) else {
      throw PredictionError.invalidValue(
        argument: "state", expected: momentum == nil ? "none with a velocity" : "one with a velocity",
        found: momentum == nil ? "a velocity without momentum" : "none")
    }
    _ = try matrix(origin.weights, "weights")
    var results = [State](repeating: origin, count: times.count)
    if origin.time == .infinity { return results }
    let order = times.indices.filter { times[$0] < .infinity }.sorted { times[$0] < times[$1] }
    let found = try states(atAscending: order.map { times[$0] }, from: origin)
    for (index, state) in zip(order, found) { results[index] = state }
    if order.count < times.count {
      let end = try end(from: found.last ?? origin)
      for index in times.indices where times[index] == .infinity { results[index] = end }
    }
    return results
  }

  /// Units of the flow's own time per unit of time.
  private var rate: Double { momentum == nil ? learningRate : learningRate.squareRoot() }

  private var friction: Double? { momentum.map { (1 - $0) / learningRate.squareRoot() } }

  private func states(atAscending times: [Double], from origin: State) throws -> [State] {
    var results: [State] = []
    let explicit = DormandPrince(
      relativeTolerance: accuracy.relativeTolerance, absoluteTolerance: accuracy.absoluteTolerance,
      maximumSteps: accuracy.maximumSteps)
    let flowTimes = times.map { rate * $0 }
    do {
      let oscillation: (([Double]) throws -> Double)? = momentum == nil ? nil : { try self.largestRate($0) }
      let found: (Int, [Double]) -> Void = { index, values in
        results.append(self.unpacked(values, time: times[index]))
      }
      let stiffness = try explicit.solve(
        from: packed(origin), start: rate * origin.time, times: flowTimes,
        largestRate: oscillation, slope, found)
      if let stiffness { results += try stiffStates(from: stiffness, times, flowTimes) }
    } catch DormandPrince.Failure.tooManySteps(let time) {
      throw PredictionError.notReached(
        time: times.last ?? 0, reached: time / rate, reason: "\(accuracy.maximumSteps) steps were not enough")
    } catch DormandPrince.Failure.stuck(let time) {
      throw PredictionError.notReached(
        time: times.last ?? 0, reached: time / rate, reason: "the gradient of the loss is not finite beyond")
    }
    return results
  }

  private func stiffStates(
    from stiffness: DormandPrince.Stiffness, _ times: [Double], _ flowTimes: [Double]
  ) throws -> [State] {
    guard stiffness.steps < accuracy.maximumSteps else {
      throw DormandPrince.Failure.tooManySteps(time: stiffness.time)
    }
    let flow = try parameterFlow()
    let solver = StiffSolver(
      relativeTolerance: accuracy.relativeTolerance, absoluteTolerance: accuracy.absoluteTolerance,
      maximumSteps: accuracy.maximumSteps - stiffness.steps, flow: flow, friction: friction)
    let (weights, velocity) = parts(stiffness.y)
    let start = StiffSolver.Point(z: flow.root.pulledBack(weights), q: velocity.map(flow.root.pulledBack))
    var results: [State] = []
    let rest = Array(flowTimes[stiffness.next...])
    try solver.solve(from: start, start: stiffness.time, firstStep: stiffness.step, times: rest) { index, point in
      results.append(
        State(
          time: times[stiffness.next + index], weights: tensor(flow.root.weights(point.z)),
          velocity: point.q.map { tensor(flow.root.weights($0)) }))
    }
    return results
  }

  private func end(from origin: State) throws -> State {
    let flow = try parameterFlow()
    var start = flow.root.pulledBack(try matrix(origin.weights, "weights"))
    if let friction, let velocity = origin.velocity {
      // How far friction lets it go where the loss does not change.
      start = start + flow.root.pulledBack(try matrix(velocity, "velocity")) * (1 / friction)
    }
    switch try LossMinimum(flow: flow).find(from: start) {
    case .found(let parameters):
      let weights = tensor(flow.root.weights(parameters))
      return State(time: .infinity, weights: weights, velocity: momentum == nil ? nil : weights * 0)
    case .none(let reason):
      throw PredictionError.notReached(time: .infinity, reached: origin.time, reason: reason)
    }
  }

  // MARK: - The differential equation on numbers: a, and b with momentum

  private func slope(_ values: [Double]) throws -> [Double] {
    let (weights, velocity) = parts(values)
    let force = try outputLoss.gradient(initial + matmul(kernel, weights)).scalars(as: Double.self)
    guard let friction, let velocity else { return force.map { -$0 } }
    let speeds = velocity.scalars(as: Double.self)
    return speeds + zip(speeds, force).map { -friction * $0 - $1 }
  }

  /// The largest frequency √(largest eigenvalue of Θ ∇²L) of the flow with momentum, or its friction if that is larger, by some
  /// steps of the power method.
  private func largestRate(_ values: [Double]) throws -> Double {
    let outputs = initial + matmul(kernel, parts(values).weights)
    // Without structure, and nothing that a loss is likely to ignore.
    var direction = Tensor(
      (0..<outputs.count).map { (Double($0 + 1) * 0.618033988749895).truncatingRemainder(dividingBy: 1) - 0.5 },
      shape: outputs.shape)
    var largest = 0.0
    for _ in 0..<8 {
      let length = innerProduct(direction, direction).squareRoot()
      guard length > 0, length.isFinite else { break }
      let image = matmul(kernel, try outputLoss.curvature(outputs, along: direction * (1 / length)))
      largest = innerProduct(image, image).squareRoot()
      direction = image
    }
    return max(largest.squareRoot(), friction ?? 0)
  }

  private func packed(_ state: State) throws(PredictionError) -> [Double] {
    var numbers = try matrix(state.weights, "weights").scalars(as: Double.self)
    if let velocity = state.velocity { numbers += try matrix(velocity, "velocity").scalars(as: Double.self) }
    return numbers
  }

  private func parts(_ values: [Double]) -> (weights: Tensor, velocity: Tensor?) {
    let shape = OutputLoss.matrixShape(layout)
    guard momentum != nil else { return (Tensor(values, shape: shape), nil) }
    let half = values.count / 2
    return (Tensor(Array(values[..<half]), shape: shape), Tensor(Array(values[half...]), shape: shape))
  }

  private func unpacked(_ values: [Double], time: Double) -> State {
    let (weights, velocity) = parts(values)
    return State(time: time, weights: tensor(weights), velocity: velocity.map(tensor))
  }
}
