/// Operations of a product with a matrix of positions on either side, K ← A K Aᵀ and Θ alike, of one pair of inputs.
package func positionProductFlops(result: Double, operands: Double, positions: [Int]) -> Double {
  kernelsPerEntry * 4 * positions.reduce(1) { $0 * Double($1) } * max(result, operands)
}
