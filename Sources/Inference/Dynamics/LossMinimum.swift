import Foundation
import Tensors

/// The end of a flow: the minimum of its loss, by Newton's method with conjugate gradients, damped as by Levenberg and Marquardt.
///
/// Damped steps are implicit steps of the flow, ever longer ones; all are combinations of gradients and of their changes, so
/// that what the flow never changes (a number added to all logits of a row) they do not change either.
///
/// *Source:* Nocedal and Wright, Numerical Optimization, 2nd edition 2006, chapters 7 and 10.
struct LossMinimum {
  let flow: ParameterFlow

  enum Outcome {
    /// Parameters z.
    case found(Tensor)
    case none(reason: String)
  }

  private static let maximumSteps = 300
  /// Of the outputs of a last step.
  private static let tolerance = 1e-10

  func find(from start: Tensor) throws -> Outcome {
    var z = start
    var outputs = flow.outputs(z)
    var (value, slope) = try flow.loss.valueAndGradient(outputs)
    guard value.isFinite, let largest = flow.root.eigenvalues.last, let least = flow.root.eigenvalues.first else {
      // A kernel of zeros changes nothing.
      return value.isFinite ? .found(z) : .none(reason: "the loss is not finite")
    }
    // The size of what gradients are made of, which says how exact they can be.
    let firstSlope = max(largestEntry(slope), largestEntry(try flow.loss.gradient(flow.initial)))
    let rounding = firstSlope * 0x1p-52
    var mean = try flow.meanCurvature(outputs)
    var shift = largest * max(mean, firstSlope / (1 + largestEntry(outputs)))
    let highest = shift * 1e20
    var (lastChange, stalled) = (Double.infinity, 0)
    for _ in 0..<Self.maximumSteps {
      let gradient = flow.root.pulledBack(slope)
      if largestEntry(gradient) == 0 { return try settled(z, outputs) }
      guard
        let step = try flow.solve(
          outputs, shift: shift, meanCurvature: mean, -gradient, tolerance: 1e-6,
          rounding: rounding)
      else {
        // Not convex here.
        shift *= 10
        if shift > highest { break }
        continue
      }
      let nextOutputs = flow.outputs(z + step)
      let next = try flow.loss.valueAndGradient(nextOutputs)
      let change = largestEntry(nextOutputs - outputs)
      let scale = max(1, largestEntry(nextOutputs))
      // Nearer than rounding of the value shows.
      let isTiny = change <= 1e-7 * scale
      guard next.value.isFinite, isTiny || next.value <= value + 1e-4 * innerProduct(gradient, step) else {
        shift *= 10
        if shift > highest { break }
        continue
      }
      let slopeBefore = largestEntry(slope)
      z = z + step
      (outputs, value, slope) = (nextOutputs, next.value, next.gradient)
      let isUndamped = shift <= 1e-2 * mean * least
      if isUndamped && change <= Self.tolerance * scale { return try settled(z, outputs) }
      stalled = change < lastChange ? 0 : stalled + 1
      // As near as rounding of the gradient lets it come.
      if isUndamped && stalled >= 5 && change <= 1e-6 * scale { return try settled(z, outputs) }
      if slopeBefore <= 1e-13 * firstSlope && change >= 1e-3 * scale {
        return .none(
          reason:
            "the loss has no minimum: it goes on falling while the outputs grow without bound, as cross-entropy does "
            + "when the kernel can tell the classes apart; ask for a finite time")
      }
      mean = try flow.meanCurvature(outputs)
      lastChange = change
      // Less would let rounding grow along what the loss does not depend on.
      shift = max(shift * 0.1, min(shift, 1e-4 * mean * least))
    }
    return .none(
      reason: "no minimum of the loss was found in \(Self.maximumSteps) steps of Newton's method; ask for a finite time"
    )
  }

  /// The end of the search, if the loss has a minimum there and not a plain.
  private func settled(_ z: Tensor, _ outputs: Tensor) throws -> Outcome {
    if try flow.meanCurvature(outputs) > 0 { return .found(z) }
    return .none(
      reason:
        "the loss is flat where it is least, so that its minimum says not where the flow ends; ask for a finite time")
  }
}
