import DurableFiles
import Tensors

/// Writes tiles, each file in full or not at all; of a tile that has a mirror image the image first, so that a tile that is done
/// has it.
struct TileWriter {
  let store: GramStore
  let identity: WorkerIdentity
  private var count = 0

  init(_ store: GramStore, _ identity: WorkerIdentity) {
    (self.store, self.identity) = (store, identity)
  }

  /// - Parameter tensors: the tile of every kernel of the store, in its order.
  /// - Throws: with the kernel that could not be written.
  mutating func write(_ tensors: [Tensor], _ index: TileIndex) throws(WriteFailure) {
    for (kernel, tensor) in zip(store.kernels, tensors) {
      let tensor = tensor.asType(store.dtype)
      do throws(FileFailure) {
        if store.isMirrored, index.row != index.column {
          try write(tensor.transposed([1, 0]), kernel, index.mirrored)
        }
        try write(tensor, kernel, index)
      } catch {
        throw WriteFailure(kernel: kernel, failure: error)
      }
    }
  }

  private mutating func write(_ tensor: Tensor, _ kernel: StoredKernel, _ index: TileIndex) throws(FileFailure) {
    let bytes = ZarrChunk.encoded(tensor, chunkShape: store.matrixArray.chunkShape)
    count += 1
    let name = "\(kernel.rawValue).\(index.row).\(index.column).\(count).\(identity.name)"
    let (path, temporary) = (store.path(kernel, index), "\(store.temporaries)/\(name)")
    try bytes.withRawBytes { (bytes) throws(FileFailure) in
      try store.files.writeWhole(bytes, to: path, temporary: temporary)
    }
  }
}

/// A tile that could not be written.
struct WriteFailure: Error {
  let kernel: StoredKernel
  let failure: FileFailure
}
