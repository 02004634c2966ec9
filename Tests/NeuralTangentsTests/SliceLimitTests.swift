import CovarianceEngine
import Foundation
import NeuralTangents
import Tensors
import TestSupport
import Testing

/// How the executor of slices is told to spare memory.
struct SliceCut: CustomTestStringConvertible, Sendable {
  let testDescription: String
  var limits = SliceLimits()
  var threads = 1
  /// Whether slices are summed up in the same order, so that nothing may change a bit.
  var keepsOrder: Bool { limits.slices == nil }

  init(_ name: String, threads: Int = 1, _ change: (inout SliceLimits) -> Void) {
    testDescription = name
    self.threads = threads
    change(&limits)
  }

  static let all = [
    SliceCut("bands of displacements") { $0.slices = 1 },
    SliceCut("short schedules") {
      $0.scheduleBytes = 0
      $0.sectionBytes = 3000
    },
    SliceCut("factors in lock step") { $0.factors = 0 },
    SliceCut("factors in lock step, in small groups", threads: 2) {
      $0.factors = 0
      $0.groupBytes = 1
    },
    SliceCut("factors in lock step, slice by slice") {
      $0.factors = 0
      $0.slices = 1
    },
    SliceCut("factors in lock step, in strips of a few positions", threads: 2) {
      $0.factors = 0
      $0.strips = 1
    },
    SliceCut("chunks shared by threads", threads: 3) { $0.sharedCost = 0 },
    SliceCut("everything small", threads: 2) {
      $0.sharedCost = 0
      $0.slices = 1
      $0.scheduleBytes = 0
      $0.sectionBytes = 3000
    },
  ]
}

@Suite("The executor of slices under limits of memory", .serialized)
struct SliceLimitTests {
  private func bits(_ tensor: Tensor) -> [UInt64] {
    tensor.asType(.float64).scalars(as: Double.self).map(\.bitPattern)
  }

  private func expectSame(
    _ a: Kernel, _ b: Kernel, _ cut: SliceCut, _ note: String, tolerance: Double? = nil
  ) throws {
    let note = Comment(rawValue: note)
    guard cut.keepsOrder else {
      let tolerance = tolerance ?? (a.nngp.dtype == .float32 ? 1e-6 : 1e-14)
      for (found, expected) in [(b.nngp, a.nngp), (try #require(b.ntk), try #require(a.ntk)), (b.cov1, a.cov1)] {
        let scale = max(abs(expected.asType(.float64)).max().scalar(as: Double.self), 1e-300)
        #expect(largestError(found, expected, relativeTo: scale) < 10 * tolerance, note)
      }
      return
    }
    #expect(bits(a.nngp) == bits(b.nngp), note)
    #expect(bits(a.cov1) == bits(b.cov1), note)
    #expect(a.cov2.map(bits) == b.cov2.map(bits), note)
    #expect(a.ntk.map(bits) == b.ntk.map(bits), note)
  }

  @Test("gives the same bits on images, sequences and volumes", arguments: FusedImageTests.cases, SliceCut.all)
  func images(_ item: FusedImageTests.Case, _ cut: SliceCut) throws {
    let x1 = uniformData(seed: 11, shape: [18] + item.positions + [3]).asType(.float32)
    let x2 = uniformData(seed: 12, shape: [2] + item.positions + [3]).asType(.float32)
    for (a, b) in [(x1, nil), (x1, x2), (x2, nil)] {
      let options = KernelOptions(executor: .fused, threads: 1)
      let plain = try item.network.kernel(a, b, options: options)
      var limited = options
      limited.threads = cut.threads
      let other = try SliceLimits.$current.withValue(cut.limits) {
        try item.network.kernel(a, b, options: limited)
      }
      try expectSame(plain, other, cut, item.name)
    }
  }

  /// Activations whose factors are made in strips.
  static let inStrips: [FusedImageTests.Case] = [
    FusedImageTests.Case(
      name: "pooled images", positions: [9, 8],
      network: Serial(SliceMemoryTests.conv(3, Tanh()) + [GlobalAvgPool(), Dense(4), Sigmoid(), Dense(1)])),
    FusedImageTests.Case(
      name: "parts of images", positions: [16, 11],
      network: Serial(
        SliceMemoryTests.conv(2, Elu()) + [
          AvgPool(window: [4, 3], strides: [4, 2]), Conv(3, window: [1, 1], biasStd: 0.2), HardTanh(), Flatten(),
          Dense(3), Softplus(),
        ])),
    FusedImageTests.Case(
      name: "strides and branches", positions: [11, 10],
      network: Serial {
        Conv(4, window: [3, 2], strides: [2, 1], padding: .valid, weightStd: 1.3, biasStd: 0.1)
        FanOut(2)
        Parallel {
          Serial {
            Silu()
            Conv(4, window: [3, 3], padding: .circular)
          }
          Serial {
            Tanh()
            Conv(4, window: [1, 1], weightStd: 1.1)
          }
        }
        FanInSum()
        LayerNorm(axes: [-1])
        Softsign()
        GlobalAvgPool()
      }),
    FusedImageTests.Case(
      name: "sequences", positions: [150],
      network: Serial {
        Conv(4, window: [5], padding: .same, weightStd: 1.2, biasStd: 0.1)
        Tanh()
        SumPool(window: [3], strides: [2], padding: .same)
        Conv(4, window: [1], weightStd: 0.5)
        Mish()
        GlobalAvgPool()
      }),
    FusedImageTests.Case(
      name: "volumes", positions: [3, 5, 6],
      network: Serial {
        Conv(4, window: [2, 3, 3], padding: .same, weightStd: 1.2, biasStd: 0.1)
        Tanh()
        AvgPool(window: [1, 2, 2], strides: [1, 2, 2])
        Conv(4, window: [1, 1, 1], weightStd: 1.2)
        Selu()
        GlobalAvgPool()
      }),
  ]

  @Test(
    "gives the same bits where factors of series are made in strips", arguments: inStrips, [DType.float32, .float64])
  func series(_ item: FusedImageTests.Case, _ dtype: DType) throws {
    let x1 = uniformData(seed: 11, shape: [11] + item.positions + [3]).asType(dtype)
    let x2 = uniformData(seed: 12, shape: [2] + item.positions + [3]).asType(dtype)
    for (a, b) in [(x1, nil), (x1, x2), (x2, nil)] {
      let options = KernelOptions(executor: .fused, threads: 1)
      let plain = try item.network.kernel(a, b, options: options)
      for cut in SliceCut.all where cut.limits.factors == 0 {
        var limited = options
        limited.threads = cut.threads
        let other = try SliceLimits.$current.withValue(cut.limits) { try item.network.kernel(a, b, options: limited) }
        try expectSame(plain, other, cut, "\(item.name), \(cut.testDescription)")
      }
    }
  }

  static let seeds = Array(0..<(TestSwitch.fuzz.isOn ? 1500 : 60))

  @Test("gives the same bits on random networks", arguments: seeds)
  func random(seed: Int) throws {
    var random = RandomSpatialNetwork(seed: 5000 + seed)
    let sample = try random.sample()
    let network = try sample.network
    let constant = 1000.0
    let (x1, x2) = (sample.data(seed: seed, constant: constant), sample.data(seed: seed + 1, constant: constant))
    let graphs = sample.graphs(seed: seed + 1)
    for second in [nil, x2] {
      for positions in [KernelOptions.Extent.all, .diagonal] {
        func kernel(threads: Int) throws -> Kernel {
          try network.kernel(
            x1, second, patterns: graphs.map { GraphPatterns($0) }, maskConstant: sample.isMasked ? constant : nil,
            options: KernelOptions(executor: .fused, positions: positions, threads: threads))
        }
        let plain: Kernel
        do {
          plain = try kernel(threads: 1)
        } catch let error as NetworkError where error.description.contains("fused executor supports") {
          return
        }
        for cut in SliceCut.all {
          let other = try SliceLimits.$current.withValue(cut.limits) { try kernel(threads: cut.threads) }
          try expectSame(
            plain, other, cut, "seed \(seed), \(cut.testDescription), \(positions), \(sample.json)",
            tolerance: sample.json.contains("\"sign\"") ? 1e-3 : sample.hasKinks ? 1e-7 : 1e-12)
        }
      }
    }
  }

  @Test("several outputs that are pooled are computed side by side, whatever the limits", arguments: SliceCut.all)
  func severalOutputs(_ cut: SliceCut) throws {
    let network = Serial {
      Conv(4, window: [3, 3], padding: .same, weightStd: 1.3, biasStd: 0.1)
      Relu()
      FanOut(3)
      Parallel {
        GlobalAvgPool()
        Serial {
          Conv(4, window: [3, 3], strides: [2, 2], padding: .same)
          Relu()
          GlobalAvgPool()
          Dense(3)
          Erf()
        }
        Serial {
          AvgPool(window: [2, 2], strides: [2, 2])
          GlobalSumPool()
        }
      }
    }
    let x = uniformData(seed: 3, shape: [5, 7, 6, 2])
    func kernels(_ executor: KernelOptions.Executor, _ threads: Int) throws -> [Kernel] {
      try network.kernels(.single(x), options: KernelOptions(executor: executor, threads: threads)).leaves
    }
    let (reference, plain) = (try kernels(.reference, 1), try kernels(.fused, 1))
    let other = try SliceLimits.$current.withValue(cut.limits) { try kernels(.fused, cut.threads) }
    for index in reference.indices {
      let scale = abs(reference[index].nngp).max().scalar(as: Double.self)
      #expect(largestError(plain[index].nngp, reference[index].nngp, relativeTo: scale) < 1e-12)
      try expectSame(plain[index], other[index], cut, "output \(index)")
    }
  }
}
