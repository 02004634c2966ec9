import Foundation
import NeuralTangents
import Tensors

/// Six points in three dimensions, two test points, and a network with one hidden layer of ReLU: what golden numbers of Bayesian
/// predictions are of.
enum ToyProblem {
  static let network = Serial {
    Dense(1, weightStd: 2.0.squareRoot(), biasStd: 0.1.squareRoot())
    Relu()
    Dense(1, weightStd: 2.0.squareRoot(), biasStd: 0.1.squareRoot())
  }
  static let x = inputs([0, 1, 2, 3, 4, 5])
  static let xTest = inputs([0.5, 2.5])
  static let y = Tensor((0..<6).map { sin(Double($0)) }, shape: [6, 1])
  static let noiseVariance = 0.1

  private static func inputs(_ places: [Double]) -> Tensor {
    Tensor(rows: places.map { i in (0..<3).map { cos(1.3 * i + 0.7 * Double($0)) } })
  }
}
