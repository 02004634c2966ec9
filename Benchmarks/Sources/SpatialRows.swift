extension Row {
  /// The peer's published table, then well-known networks, then other numbers of axes.
  static let spatialKernels: [Row] = {
    var rows: [Row] = []
    /// `size` and the peer's are N1 and N2, the latter nil for one data set.
    func add(
      _ name: String, _ network: SpatialNetwork, depth: Int, shape: [Int] = [32, 32, 3], dtype: String = "float32",
      size: (Int, Int?), peer: (Int, Int?)?, target: Double? = nil, id: String? = nil, threads: Int? = nil,
      repeats: Int = 2
    ) {
      var row = Row(name: "\(name), \(dtype)", kind: .spatial, dtype: dtype, repeats: repeats, target: target)
      (row.network, row.depth, row.shape, row.rows, row.columns) = (network, depth, shape, size.0, size.1)
      row.peer = peer.map { PeerSize(rows: $0.0, columns: $0.1) }
      (row.id, row.threads) = (id, threads)
      rows.append(row)
    }
    let flat = "CNN-21, flatten"
    add("\(flat), x1 != x2", .convVec, depth: 21, size: (512, 512), peer: (64, 64), target: 40, id: "flatten")
    add("\(flat), x1 = x2", .convVec, depth: 21, size: (768, nil), peer: (64, nil), target: 70)
    add("\(flat), x1 != x2", .convVec, depth: 21, dtype: "float64", size: (256, 256), peer: (64, 64))
    add("\(flat), x1 = x2", .convVec, depth: 21, dtype: "float64", size: (384, nil), peer: (64, nil))
    let pooled = "CNN-21, global average pool"
    // Enough inputs that their own covariances, as dear as an entry each, do not count much.
    add(
      "\(pooled), x1 != x2", .convGap, depth: 21, size: (32, 32), peer: (2, 2), target: 500, id: "pooled 32",
      repeats: 1)
    add("\(pooled), x1 = x2", .convGap, depth: 21, size: (96, nil), peer: (2, nil), target: 900, repeats: 1)
    add(
      "\(pooled), x1 != x2", .convGap, depth: 21, dtype: "float64", size: (16, 32), peer: (2, 2), target: 150,
      id: "pooled 64", repeats: 1)
    add(
      "\(pooled), x1 = x2", .convGap, depth: 21, dtype: "float64", size: (32, nil), peer: (2, nil), target: 150,
      repeats: 1)
    add(
      "CNN-21, 2x2 average pool + flatten, x1 != x2", .convPool, depth: 21, size: (128, 256), peer: (1, 1),
      id: "local pool")
    for depth in [5, 7, 10] {
      add("Myrtle-\(depth)", .myrtle, depth: depth, size: (32, 32), peer: (depth == 5 ? 4 : 2, 2), target: 150)
    }
    add("WideResNet-16, global average pool", .wideResNet, depth: 16, size: (16, 32), peer: (1, 1), target: 100)
    add(
      "1-D, CNN-21, global average pool, 256x4", .convGap, depth: 21, shape: [256, 4], size: (128, 128), peer: (4, 4),
      target: 30)
    add(
      "3-D, CNN-5, global average pool, 8x8x8x1", .convGap, depth: 5, shape: [8, 8, 8, 1], size: (32, 32), peer: (2, 2))
    for threads in [1, 2] {
      add(
        "\(pooled), \(threads) thread\(threads == 1 ? "" : "s")", .convGap, depth: 21, size: (8, 32), peer: nil,
        id: "threads \(threads)", threads: threads)
    }
    for threads in [1, 2] {
      add(
        "one pair of 64x64x3, CNN-5, global average pool, \(threads) thread\(threads == 1 ? "" : "s")", .convGap,
        depth: 5,
        shape: [64, 64, 3], size: (1, 1), peer: nil, id: "pair \(threads)", threads: threads)
    }
    return rows
  }()

  /// Memory beyond inputs and result; the target is in MB per thread.
  static let memoryOfKernels: [Row] = {
    func row(
      _ name: String, _ network: SpatialNetwork, depth: Int, _ rows: Int, _ columns: Int, side: Int = 32,
      channels: Int = 3, activation: String? = nil, target: Double = 64
    ) -> Row {
      let size = side == 32 ? "" : ", \(side)x\(side)x\(channels)"
      var row = Row(
        name: "memory, \(name)\(size), N=\(rows)x\(columns)", kind: .memory, activation: activation, rows: rows,
        repeats: 1, target: target)
      (row.network, row.depth, row.shape, row.columns) = (network, depth, [side, side, channels], columns)
      return row
    }
    var rows: [Row] = []
    for depth in [21, 60] {
      let name = "CNN-\(depth)"
      rows.append(row("\(name), flatten", .convVec, depth: depth, 32, 32))
      rows.append(row("\(name), flatten", .convVec, depth: depth, depth == 21 ? 1024 : 512, 1024))
      rows.append(row("\(name), global average pool", .convGap, depth: depth, 1, 16))
      rows.append(row("\(name), global average pool", .convGap, depth: depth, 4, 64))
    }
    rows.append(row("Myrtle-10", .myrtle, depth: 10, 8, 64))
    rows.append(row("WideResNet-16, global average pool", .wideResNet, depth: 16, 4, 64))
    // Large images: what grows with their size is kept small by computing some of it twice.
    rows.append(row("convolution, pool, convolution, global average pool", .poolGap, depth: 2, 1, 1, side: 64))
    rows.append(
      row("convolution, pool, convolution, global average pool", .poolGap, depth: 2, 1, 1, side: 128, target: 256))
    rows.append(row("WideResNet-16, global average pool", .wideResNet, depth: 16, 1, 16, side: 128, target: 256))
    // Series have a hundred factors per position.
    for activation in ["tanh", "elu"] {
      rows.append(
        row("3 x (conv + \(activation)), global average pool", .convOf, depth: 3, 4, 64, activation: activation))
    }
    rows.append(
      row("conv + tanh, global average pool", .convOf, depth: 1, 1, 1, side: 128, activation: "tanh", target: 256))
    // One slice of a million positions in all lanes has 64 MB; the bound is for one thread, because only one has work.
    for depth in [20, 40] {
      var row = row(
        "\(depth) residual blocks, flatten", .residualVec, depth: depth, 1, 1, side: 1000, channels: 1, target: 1700)
      row.threads = 1
      rows.append(row)
    }
    return rows
  }()
}
