import Tensors

/// Writes an NPY file whose numbers come piece by piece, in row-major order, so that memory need not hold them all.
package struct NpyWriter {
  private let writer: FileWriter

  /// - Throws: `TensorError.file` when nothing can be written there.
  package init(to path: String, shape: [Int], dtype: DType) throws(TensorError) {
    writer = try FileWriter(to: path)
    var header = Tensor(uninitialized: [0], dtype: dtype).npyHeader
    header.shape = shape
    try writer.write(header.encoded())
  }

  /// The next numbers, of the type of the file.
  package func append(_ tensor: Tensor) throws(TensorError) {
    try tensor.withRawBytes { (bytes) throws(TensorError) in try writer.write(bytes) }
  }

  /// Gives the file its name when all numbers have come.
  package func finish() throws(TensorError) { try writer.finish() }
}
