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

  var kTrainTrain: [[Double]]
  var kTestTrain: [[Double]]
  var yReal: [[Double]]
  var yClasses: [[Double]]
  var fTrain0: [[Double]]
  var fTest0: [[Double]]
  var cases: [Case]
}
