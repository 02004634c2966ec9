import Tensors

/// What spares the gradient of a kernel in the inputs some work, and changes it by rounding only.
package struct GradientHints: Sendable {
  /// The covariances of the inputs of the network, if it has one input without positions: the NNGP of `Identity`, which the kernel
  /// was made of, shape (N1, N2).
  package var products: Tensor?
  /// Data sets in which nobody asks for the gradient: it may be zero.
  package var unwanted: Set<DataSet>

  package init(products: Tensor? = nil, unwanted: Set<DataSet> = []) {
    (self.products, self.unwanted) = (products, unwanted)
  }
}
