import CovarianceEngine

/// Finds layers that follow one another and are alike, so that a device can run one program for all of them.
enum LayerRepetition {
  /// Steps of a program, by their places.
  enum Segment {
    case once(Range<Int>)
    /// Several periods of as many steps.
    case repeated(Range<Int>, period: Int)
  }

  private static let longestPeriod = 12
  /// The first turn is written out, because it may begin without a tangent kernel; a loop of one would be none.
  private static let fewestTurns = 3

  static func segments(
    of steps: [CovarianceProgram.Step], goal: CovarianceGoal, masked: Set<Int>
  ) -> [Segment] {
    var readers = [Int](repeating: 0, count: goal.program.valueCount)
    for step in steps { for operand in step.operands { readers[operand] += 1 } }
    for output in goal.outputs { readers[output] += 2 }
    let texts = steps.map { "\($0.operation)" }
    /// Whether the step takes only what the one before it makes, which nobody else takes.
    func follows(_ index: Int) -> Bool {
      index > 0 && steps[index].operands == [steps[index - 1].result] && readers[steps[index - 1].result] == 1
    }
    func isAlike(_ a: Int, _ b: Int) -> Bool {
      let (x, y) = (steps[a], steps[b])
      let (p, q) = (goal.program.positions[x.result], goal.program.positions[y.result])
      return texts[a] == texts[b] && p == q && goal.demand.isFull(x.result) == goal.demand.isFull(y.result)
        && masked.contains(x.result) == masked.contains(y.result)
    }
    func turns(from start: Int, period: Int) -> Int {
      guard start + period <= steps.count, steps[start].operands.count == 1 else { return 0 }
      // All turns begin with what the one before ends with.
      let source = steps[start].operands[0]
      let last = steps[start + period - 1].result
      guard goal.program.positions[source] == goal.program.positions[last],
        goal.demand.isFull(source) == goal.demand.isFull(last), masked.contains(source) == masked.contains(last),
        (start + 1..<start + period).allSatisfy(follows)
      else { return 0 }
      var count = 1
      while start + (count + 1) * period <= steps.count,
        (0..<period).allSatisfy({ offset in
          let index = start + count * period + offset
          return follows(index) && isAlike(start + offset, index)
        })
      { count += 1 }
      return count
    }

    var result: [Segment] = []
    var (index, pending) = (0, 0)
    while index < steps.count {
      var best = (period: 0, count: 0)
      for period in 1...longestPeriod {
        let count = turns(from: index, period: period)
        if count >= fewestTurns && count * period > best.period * best.count { best = (period, count) }
      }
      guard best.count > 0 else {
        index += 1
        continue
      }
      if pending < index { result.append(.once(pending..<index)) }
      let end = index + best.period * best.count
      result.append(.repeated(index..<end, period: best.period))
      (index, pending) = (end, end)
    }
    if pending < steps.count { result.append(.once(pending..<steps.count)) }
    return result
  }
}
