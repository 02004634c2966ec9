import CovarianceEngine
import Tensors

extension SeriesSource {
  convenience init(_ function: NumericalFunction, kinks: [Double] = [], symmetry: Symmetry) {
    self.init(
      function.function, derivative: { (x) throws(NetworkError) in function.derivative(x) }, kinks: kinks,
      symmetry: symmetry)
  }
}
