/// What a file holds.
public enum DataFormat: String, Sendable, Hashable, CaseIterable {
  /// Delimited text, such as CSV.
  case table
  /// One array of NumPy.
  case npy
  /// Named arrays of NumPy.
  case npz
  /// One array, as MNIST is stored.
  case idx
  /// Images and labels.
  case cifar10
  /// Images, labels and coarse labels.
  case cifar100
}
