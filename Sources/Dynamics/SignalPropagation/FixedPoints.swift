/// The fixed points of `LayerMaps` with the slopes there, all found side by side.
struct FixedPoints {
  /// Smaller variances count as zero where a layer passes nothing on of nothing.
  static let least = 1e-12
  /// Larger ones as growing without bound.
  private static let most = 1e15
  private static let mostSteps = 1000

  private(set) var variances: [Double]
  private(set) var hasVariance: [Bool]
  private(set) var correlations: [Double]
  private(set) var chi1: [Double]
  private(set) var correlationSlopes: [Double]
  private(set) var varianceSlopes: [Double]

  init(_ maps: LayerMaps) throws {
    let count = maps.weights.count
    variances = [Double](repeating: 1, count: count)
    hasVariance = [Bool](repeating: true, count: count)
    correlations = [Double](repeating: 1, count: count)
    (chi1, correlationSlopes, varianceSlopes) = (variances, variances, variances)
    try findVariances(maps)
    let places = variances.indices.filter { hasVariance[$0] }
    guard !places.isEmpty else { return }
    let found = try maps.subset(places)
    let q = places.map { max(variances[$0], Self.least) }
    let ones = [Double](repeating: 1, count: places.count)
    let slopes = try found.varianceSlopes(q)
    let chi = try found.correlationSlopes(ones, variances: q)
    for (index, place) in places.enumerated() { (varianceSlopes[place], chi1[place]) = (slopes[index], chi[index]) }
    try findCorrelations(maps, places.filter { chi1[$0] > 1 + 1e-12 })
    let atFixed = try found.correlationSlopes(places.map { correlations[$0] }, variances: q)
    for (index, place) in places.enumerated() { correlationSlopes[place] = atFixed[index] }
  }

  /// Newton's method on V(q) − q from 1, inside of the bracket that the signs seen so far give; plain iteration where Newton's step
  /// would leave it.
  private mutating func findVariances(_ maps: LayerMaps) throws {
    var (lower, upper) = (variances.map { _ in 0.0 }, variances.map { _ in Double.infinity })
    let atZero = try maps.variances(variances.map { _ in 0 })
    var active = Array(variances.indices)
    for _ in 0..<Self.mostSteps {
      guard !active.isEmpty else { return }
      let part = try maps.subset(active)
      let q = active.map { variances[$0] }
      let (images, slopes) = (try part.variances(q), try part.varianceSlopes(q))
      var rest: [Int] = []
      for (index, place) in active.enumerated() {
        let (here, image, slope) = (q[index], images[index], slopes[index])
        let residual = image - here
        guard image.isFinite, here <= Self.most else {
          hasVariance[place] = false
          continue
        }
        // What a straight map adds in every layer is not rounding because it is small beside what has come together.
        let growsStraight = residual > 0 && slope >= 1 && here > 1 && upper[place].isInfinite
        if residual.magnitude <= 4e-16 * here, !growsStraight { continue }
        if residual > 0 { lower[place] = here } else { upper[place] = here }
        var next = here - residual / (slope - 1)
        // Newton's step from below the last crossing goes up only where V is flatter than the diagonal.
        if !(slope < 1 && next > lower[place] && next < upper[place]) { next = image }
        if !(next > lower[place] && next < upper[place]) {
          next = upper[place].isFinite ? (lower[place] + upper[place]) / 2 : 2 * here
        }
        // In search of an upper bound.
        if upper[place].isInfinite { next = max(next, slope >= 1 ? 10 * here : here) }
        if next < Self.least && atZero[place] == 0 {
          variances[place] = 0
          continue
        }
        let isDone = (next - here).magnitude <= 2e-16 * here
        variances[place] = next
        if !isDone { rest.append(place) }
      }
      active = rest
    }
    throw DynamicsError.notConverged(quantity: "the fixed variance", steps: Self.mostSteps)
  }

  /// Newton's method on R(c) − c from 0 upwards. R is a power series with coefficients that are not negative, so it is convex
  /// on [0, 1], and with R(1) = 1 and a slope above 1 there it crosses the diagonal once below 1: Newton's steps from the left of the
  /// crossing never pass it.
  private mutating func findCorrelations(_ maps: LayerMaps, _ places: [Int]) throws {
    for place in places { correlations[place] = 0 }
    var active = places
    for _ in 0..<Self.mostSteps {
      guard !active.isEmpty else { return }
      let part = try maps.subset(active)
      let (c, q) = (active.map { correlations[$0] }, active.map { max(variances[$0], Self.least) })
      let images = try part.correlations(c, variances: q)
      let slopes = try part.correlationSlopes(c, variances: q)
      var rest: [Int] = []
      for (index, place) in active.enumerated() {
        let step = (images[index] - c[index]) / (1 - slopes[index])
        // Rounding ends the way up.
        guard slopes[index] < 1, step > 0, c[index] + step < 1 else { continue }
        correlations[place] = c[index] + step
        if step > 1e-16 { rest.append(place) }
      }
      active = rest
    }
    throw DynamicsError.notConverged(quantity: "the fixed correlation", steps: Self.mostSteps)
  }
}
