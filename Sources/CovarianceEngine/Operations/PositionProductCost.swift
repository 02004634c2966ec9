/// Operations of a product with a matrix of positions on either side, K ← A K Aᵀ and Θ alike, of one pair of inputs.
package func positionProductFlops(result: Int, operands: Int, positions: [Int]) -> Int {
  kernelsPerEntry * 4 * positions.reduce(1, *) * max(result, operands)
}
