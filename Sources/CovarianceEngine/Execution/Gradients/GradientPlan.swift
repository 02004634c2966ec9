import Tensors

/// A graph with its schedules, made when they are first asked for.
final class GradientPlan: Sendable {
  let graph: GradientGraph
  private let schedules = Guarded<[GradientSchedule.Purpose: GradientSchedule]>([:])

  init(_ graph: GradientGraph) { self.graph = graph }

  func schedule(_ purpose: GradientSchedule.Purpose) -> GradientSchedule {
    schedules.withLock { known in
      if let schedule = known[purpose] { return schedule }
      let schedule = GradientSchedule(graph, purpose)
      known[purpose] = schedule
      return schedule
    }
  }

  func interpreter<Scalar: GradientScalar>(
    _ purpose: GradientSchedule.Purpose, lanes: Int, as type: Scalar.Type, _ interruption: Interruption?
  ) -> GradientInterpreter<Scalar> {
    let interpreter = GradientInterpreter<Scalar>(schedule(purpose), purpose, lanes: lanes, interruption)
    for node in graph.nodes {
      if case .normalize(let epsilon, let kept, let set) = node.kind {
        interpreter.normalizations[set] = (epsilon, kept)
      }
    }
    return interpreter
  }
}

/// The plans of programs that were differentiated last: whoever descends along gradients asks for the same ones again and again.
///
/// A plan belongs to the operations with all their numbers, to the sizes of inputs but for how many they are, and to whether
/// there is a Θ.
enum GradientPlans {
  private static let known = Guarded<[(key: String, plan: GradientPlan)]>([])
  /// Plans of deep networks with global pools have some megabytes of schedules.
  private static let most = 8

  static func plan(_ goal: CovarianceGoal) throws(Obstacle) -> GradientPlan {
    try GradientGraphBuilder.check(goal)
    let key = "\(goal.program.positions) \(goal.outputs) \(goal.tangent) \(goal.program)"
    let found = known.withLock { known -> GradientPlan? in
      guard let index = known.firstIndex(where: { $0.key == key }) else { return nil }
      let entry = known.remove(at: index)
      known.append(entry)
      return entry.plan
    }
    if let found { return found }
    let plan = GradientPlan(try GradientGraphBuilder.build(goal))
    known.withLock { known in
      if known.count == most { known.removeFirst() }
      known.append((key, plan))
    }
    return plan
  }
}
