import NeuralTangents
import Tensors

/// Means, deviations and losses over training time, of finite networks and of their infinite ensemble.
struct EnsembleCurves {
  struct Moments {
    var mean: [Double]
    var deviation: [Double]
  }

  let times: [Int]
  /// Over the test points, per time.
  private(set) var finite: [Moments] = []
  private(set) var infinite: [Moments] = []
  /// Mean over the networks of half the mean squared error, per time.
  private(set) var finiteLoss: (train: [Double], test: [Double]) = ([], [])
  private(set) var infiniteLoss: (train: [Double], test: [Double]) = ([], [])

  init(
    times: [Int], finite outputs: [Tensor], finiteTrain: [Tensor], infinite flow: Prediction, infiniteTrain: Prediction,
    yTrain: Tensor, yTest: Tensor
  ) {
    self.times = times
    func expectedLoss(_ mean: Tensor, _ variance: Tensor, _ targets: Tensor) -> Double {
      0.5 * (square(mean - targets) + variance.reshaped(mean.shape)).mean().scalar(as: Double.self)
    }
    for index in times.indices {
      finite.append(
        Moments(
          mean: outputs[index].mean(axis: 0).scalars(),
          deviation: sqrt(outputs[index].variance(axis: 0, correction: 1)).scalars()))
      finiteLoss.test.append(halfMeanSquaredError(outputs[index], yTest).scalar(as: Double.self))
      finiteLoss.train.append(halfMeanSquaredError(finiteTrain[index], yTrain).scalar(as: Double.self))
      guard let variance = flow.variance, let trainVariance = infiniteTrain.variance else { continue }
      let (mean, trainMean) = (flow.mean[index], infiniteTrain.mean[index])
      infinite.append(Moments(mean: mean.scalars(), deviation: sqrt(maximum(variance[index], 0)).scalars()))
      infiniteLoss.test.append(expectedLoss(mean, variance[index], yTest))
      infiniteLoss.train.append(expectedLoss(trainMean, trainVariance[index], yTrain))
    }
  }

  var table: TextTable {
    var table = TextTable([
      "step", "train loss, finite", "infinite", "test loss, finite", "infinite", "RMSE of means", "of deviations",
    ])
    for index in times.indices
    where [0, 1, 16, 128].contains(times[index]) || index == times.count - 1 || index % 10 == 0 {
      table.add([
        "\(times[index])", significant(finiteLoss.train[index]), significant(infiniteLoss.train[index]),
        significant(finiteLoss.test[index]), significant(infiniteLoss.test[index]),
        significant(Self.rootMeanSquare(finite[index].mean, infinite[index].mean)),
        significant(Self.rootMeanSquare(finite[index].deviation, infinite[index].deviation)),
      ])
    }
    return table
  }

  private static func rootMeanSquare(_ a: [Double], _ b: [Double]) -> Double {
    (zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / Double(a.count)).squareRoot()
  }
}
