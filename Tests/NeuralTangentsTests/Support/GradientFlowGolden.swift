/// `Fixtures/gradient-flows.json`: flows of one network on two losses, with and without momentum, by an independent solver with
/// tolerance 1e-12.
struct GradientFlowGolden: Decodable {
  struct Case: Decodable {
    /// `crossEntropy`, a mean over all entries, or `mse`, half a mean square.
    var loss: String
    var learningRate: Double
    var momentum: Double?
    var t: [Double]
    /// Per time, the outputs of each point.
    var fTrain: [[[Double]]]
    var fTest: [[[Double]]]
  }

  /// Half a mean square of real targets with a regularizer relative to the mean diagonal.
  struct Regularized: Decodable {
    var learningRate: Double
    var diagonalRegularizer: Double
    var t: [Double]
    var fTrain: NestedNumbers
    var fTest: NestedNumbers
    var fTestInfinity: NestedNumbers
  }

  /// Targets with two output axes, half a mean square, from given outputs.
  struct TraceAxes: Decodable {
    struct Case: Decodable {
      var traceAxes: [Int]
      var kTrainTrain: NestedNumbers
      var kTestTrain: NestedNumbers
      var kTestTest: NestedNumbers
      var fTrain: NestedNumbers
      var fTest: NestedNumbers
      var fTestInfinity: NestedNumbers
      /// Of a Gaussian process with the same kernel, not regularized.
      var gpMean: NestedNumbers
      var gpCovariance: NestedNumbers
    }

    var y: NestedNumbers
    var fTrain0: NestedNumbers
    var fTest0: NestedNumbers
    var learningRate: Double
    var t: [Double]
    var cases: [Case]
  }

  var mseRegularized: Regularized
  var traceAxes: TraceAxes
  var kTrainTrain: [[Double]]
  var kTestTrain: [[Double]]
  var yReal: [[Double]]
  var yClasses: [[Double]]
  var fTrain0: [[Double]]
  var fTest0: [[Double]]
  var cases: [Case]
}
