import NeuralTangents
import Tensors
import Testing

private struct ResizeFixture: Decodable {
  let resizes: [Case]

  struct Case: Decodable {
    let shape: [Int]
    let target: [Int]
    let method: String
    let antialias: Bool
    let values: [Double]
  }
}

@Suite("ImageResize")
struct ImageResizeTests {
  @Test("finite outputs are those of jax.image.resize")
  func finite() throws {
    let fixture: ResizeFixture = try loadFixture("resize")
    #expect(fixture.resizes.count >= 200)
    for item in fixture.resizes {
      let method = try #require(ResizeMethod(named: item.method))
      let layer = ImageResize(item.target, method: method, antialias: item.antialias)
      let found = try layer(.none, FixtureInput.cosine(item.shape))
      #expect(found.shape == item.target)
      let error = largestError(found, item.values, scale: item.values.map { _ in 1 })
      #expect(error < 1e-13, "\(item.shape) to \(item.target), \(item.method), antialias \(item.antialias)")
    }
  }

  /// Where the batch and the channels are in inputs with two axes of positions.
  static let layouts: [DataAxes] = (0..<4).flatMap { batch in
    (0..<4).filter { $0 != batch }.map { DataAxes(batch: batch, channel: $0) }
  }

  /// Numbers of inputs, positions and positions, and what they become.
  private static let targets = [[-1, 2, 5], [4, -1, 2], [2, 5, 1], [-1, 6, -1]]

  private static func arranged(_ canonical: [Int], _ axes: DataAxes) -> [Int] {
    var (result, positions) = ([Int](), Array(canonical[1..<3]))
    for axis in 0..<4 {
      result.append(axis == axes.batch ? canonical[0] : axis == axes.channel ? canonical[3] : positions.removeFirst())
    }
    return result
  }

  @Test(
    "the kernel on data is the covariance of finite outputs, also with masks", arguments: layouts,
    ResizeMethod.allCases)
  func exact(_ axes: DataAxes, _ method: ResizeMethod) throws {
    for target in Self.targets {
      for antialias in [true, false] {
        for mask in 0..<3 {
          var (x1, x2) = (
            FixtureInput.sine(Self.arranged([3, 4, 3, 7], axes)),
            FixtureInput.cosine(Self.arranged([2, 4, 3, 7], axes))
          )
          if mask > 0 { (x1, x2) = (Self.masked(x1, axes, mask), Self.masked(x2, axes, mask)) }
          let layer = ImageResize(
            Self.arranged(target + [-1], axes), method: method, antialias: antialias, batchAxis: axes.batch,
            channelAxis: axes.channel)
          let oracle = LinearLayerOracle(layer: layer, axes: axes, maskConstant: mask > 0 ? 10 : nil)
          let comment: Comment = "\(target), antialias \(antialias), mask \(mask)"
          try oracle.expectExact(x1, x2, comment)
          try oracle.expectExact(x1, nil, comment)
        }
      }
    }
  }

  /// Whole positions masked (1), or single numbers (2).
  private static func masked(_ x: Tensor, _ axes: DataAxes, _ kind: Int) -> Tensor {
    var shape = x.shape
    if kind == 1 { shape[axes.channel] = 1 }
    let draw = RandomKey(seed: 3).uniform(shape, dtype: .float64)
    return select(draw .< 0.6, 10, x)
  }

  @Test("kernels after other layers are R K Rᵀ", arguments: ResizeMethod.allCases)
  func afterLayers(_ method: ResizeMethod) throws {
    let before: [any Layer] = [
      Conv(4, window: [2, 3], padding: .same, weightStd: 1.3, biasStd: 0.2), Relu(), Conv(4, window: [1, 2]),
    ]
    let (x1, x2) = (FixtureInput.sine([3, 4, 6, 2]), FixtureInput.cosine([2, 4, 6, 2]))
    for target in [[-1, 3, 7, -1], [5, 2, -1, -1], [1, 1, 1, -1]] {
      let oracle = LinearLayerOracle(layer: ImageResize(target, method: method))
      try oracle.expectExact(after: before, x1, x2, "\(target)")
      try oracle.expectExact(after: before, x1, nil, "\(target)")
    }
  }

  @Test("a network's kernels are those of the reference")
  func golden() throws {
    let network = Serial {
      Dense(1)
      ImageResize([-1, 2, 7, -1], method: .linear)
      Relu()
      GlobalAvgPool()
      Dense(1)
    }
    let kernel = try network.kernel(FixtureInput.sine([2, 4, 5, 3]), FixtureInput.cosine([2, 4, 5, 3]))
    expectGolden(kernel, nngp: [0.02660821463, 0.02920634037], ntk: [0.04218173395, 0.04733983267])
  }

  @Test("the derivative of a kernel is that of the explicit product")
  func derivative() throws {
    let network = Serial {
      Conv(2, window: [2], biasStd: 0.3)
      ImageResize([4, 3, -1], method: .cubic)
      Erf()
      Flatten()
      Dense(1)
    }
    let x = FixtureInput.sine([3, 5, 2])
    func value(_ x: Tensor) throws -> Tensor { try #require(try network.kernel(x).ntk).sum() }
    let gradient = try gradient(of: value)(x)
    let direction = FixtureInput.cosine([3, 5, 2])
    let step = 1e-5
    let difference =
      (try value(x + direction * step) - value(x - direction * step)).scalar(as: Double.self) / (2 * step)
    let slope = (gradient * direction).sum().scalar(as: Double.self)
    #expect(Swift.abs(slope - difference) < 1e-6 * Swift.max(1, Swift.abs(slope)))
  }

  @Test("a file names every method and its aliases, and is written back")
  func file() throws {
    for name in [
      "nearest", "linear", "bilinear", "trilinear", "triangle", "cubic", "bicubic", "tricubic", "lanczos3", "lanczos5",
    ] {
      let text = #"{"imageResize": {"shape": [-1, 3, -1], "method": "\#(name)", "antialias": false, "channelAxis": 1}}"#
      let file = try NetworkFile(json: text)
      let layer = try #require(file.network as? ImageResize)
      #expect(layer.shape == [-1, 3, -1] && layer.method == ResizeMethod(named: name) && !layer.antialias)
      #expect(layer.dataAxes == DataAxes(batch: 0, channel: 1))
      #expect(try NetworkFile(json: file.json()).json() == file.json())
    }
  }

  @Test(
    "mistakes in a file are named",
    arguments: [
      (#"{"method": "linear"}"#, "imageResize.shape: expected a list of sizes, found nothing"),
      (
        #"{"shape": [-1, 0], "method": "linear"}"#,
        "imageResize.shape[1]: expected a positive integer of at most 4096, or -1, found 0"
      ),
      (
        #"{"shape": [-1], "method": "LINEAR"}"#,
        #"imageResize.method: expected nearest, linear, cubic, lanczos3 or lanczos5, found "LINEAR""#
      ),
    ])
  func mistakes(_ arguments: String, _ message: String) {
    let error = #expect(throws: NetworkError.self) { try NetworkFile(json: "{\"imageResize\": \(arguments)}") }
    #expect(error?.description == message)
  }

  @Test("shapes that do not fit, and resized channels, are errors")
  func errors() {
    let x = FixtureInput.sine([2, 3, 2])
    let rank = #expect(throws: NetworkError.self) { try ImageResize([-1, 3])(.none, x) }
    #expect(
      rank?.description
        == "imageResize.shape: expected one size per axis of the input, shape [2, 3, 2], found [-1, 3]")
    let channel = #expect(throws: NetworkError.self) { try ImageResize([-1, 3, 4]).kernel(x) }
    #expect(channel?.description.hasPrefix("imageResize.shape[2]: expected -1 for the channels") == true)
  }
}

/// Checks the first two entries of both kernels to 1e-9.
func expectGolden(_ kernel: Kernel, nngp: [Double], ntk: [Double]) {
  for (found, expected) in [(kernel.nngp, nngp), (kernel.ntk ?? kernel.nngp, ntk)] {
    let scalars = found.scalars(as: Double.self)
    for (a, b) in zip(scalars, expected) { #expect(Swift.abs(a - b) < 1e-9 * Swift.abs(b)) }
  }
}
