import ArgumentParser
import NeuralTangents
import Tensors

/// `neural-tangents demo`: what infinitely wide networks can do, on real data that comes with the program.
struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Show on real data what infinitely wide networks predict, with tables and pictures.",
    usage: "neural-tangents demo [<parts> ...] [<options>]",
    discussion: """
      Tables go to the terminal, pictures (SVG and PNG, drawn by gnuplot) to the
      output directory. All of it takes less than a minute. The parts:

        regression      diabetes: intervals that hold what they promise
        classification  wine, breast cancer, digits: accuracy over depth and activation
        learning-curve  digits: test error over the number of training images
        kernel          digits: heat map of a tangent kernel

      Figures that take longer are drawn only when asked for:

        ensemble        sin: 100 networks trained by gradient descent beside the
                        infinite ensemble, over input, time (an animation) and width
        linearization   digits: a network in training beside its linearization, the
                        distance over width, and the closed form step for step
        dynamics        digits: training predicted by flows and by steps, for two
                        losses and with momentum
        distillation    digits: ten learned images that stand for all
        learning-curves the sphere and digits: test errors predicted from spectra
        phases          order and chaos: fixed points, gradients and depth scales over
                        the variances of weights and biases
        depth           digits: what depth does to tangent kernels in each phase
        architectures   digits: fully connected, convolutional, pooled and residual
                        kernels, NNGP and NTK
        pooled          digits: the kernel of all 1,797 images with each other of a
                        network with convolutions and pools, and exact inference

      EXAMPLES
        neural-tangents demo
        neural-tangents demo regression kernel --output-directory pictures
        neural-tangents demo --figure ensemble
      """)

  enum Part: String, CaseIterable, ExpressibleByArgument {
    case regression, classification
    case learningCurve = "learning-curve"
    case kernel
  }

  @Argument(help: "The parts to run (default: all).")
  var parts: [Part] = []

  enum LongFigure: String, CaseIterable, ExpressibleByArgument {
    case ensemble, linearization, dynamics, distillation
    case learningCurves = "learning-curves"
    case phases, depth, architectures, pooled
  }

  @Option(help: .init("Run this figure instead of the parts.", valueName: "name"))
  var figure: LongFigure?

  @Option(
    help: .init("Where to write the pictures; made if it is missing.", valueName: "directory"), completion: .directory)
  var outputDirectory = "demo-output"

  @Option(help: "Seed of the random splits.")
  var seed = 0

  @Option(help: .init("Threads to compute with (default: one per processor).", valueName: "count"))
  var threads: Int?

  func validate() throws {
    try ComputeOptions.requirePositive(threads: threads)
    if let figure, !parts.isEmpty {
      let found = parts.map(\.rawValue).joined(separator: " ")
      throw ValidationError("--figure: expected no parts beside \(figure.rawValue), found \(found)")
    }
  }

  func run() throws {
    if let threads { Threads.count = threads }
    let gnuplot = Gnuplot()
    if gnuplot != nil { try OutputFiles.makeDirectory(outputDirectory) }
    let progress = ProgressReporter("demo")
    defer { progress.finish() }
    var report = DemoReport(directory: outputDirectory, gnuplot: gnuplot, progress: progress)
    switch figure {
    case .ensemble:
      try report.part("Finite networks and their infinite ensemble") { report in
        try DemoEnsemble(key: RandomKey(seed: seed)).run(&report)
      }
    case .linearization:
      try report.part("Networks and their linearizations") { report in
        _ = try DemoLinearization(key: RandomKey(seed: seed)).run(&report)
      }
    case .dynamics:
      try report.part("Training, predicted") { report in
        _ = try DemoDynamics(key: RandomKey(seed: seed)).run(&report)
      }
    case .distillation:
      try report.part("Ten images instead of a training set") { report in
        _ = try DemoDistillation(key: RandomKey(seed: seed)).run(&report)
      }
    case .learningCurves:
      try report.part("Learning curves from spectra") { report in
        _ = try DemoSpectra(key: RandomKey(seed: seed)).run(&report)
      }
    case .phases:
      try report.part("Order and chaos in deep networks") { report in try DemoPhases().run(&report) }
    case .depth:
      try report.part("Tangent kernels of deep networks") { report in
        _ = try DemoDepth(key: RandomKey(seed: seed)).run(&report)
      }
    case .architectures:
      try report.part("Kernels of architectures") { report in
        try DemoArchitectures().run(&report, key: RandomKey(seed: seed))
      }
    case .pooled:
      try report.part("A pooled kernel of all digits") { report in
        try DemoPooled().run(&report, key: RandomKey(seed: seed))
      }
    case nil: break
    }
    for part in Part.allCases where figure == nil && (parts.isEmpty || parts.contains(part)) {
      // The same numbers whichever other parts run.
      let key = RandomKey(seed: seed).folding(in: UInt32(Part.allCases.firstIndex(of: part) ?? 0))
      switch part {
      case .regression:
        try report.part("Regression with calibrated intervals") { report in
          try DemoRegression(key: key).run(&report)
        }
      case .classification:
        try report.part("Classification: depth and activation") { report in
          try DemoClassification().run(&report, key: key)
        }
      case .learningCurve:
        try report.part("Learning curve") { report in try DemoLearningCurve().run(&report, key: key) }
      case .kernel:
        try report.part("A tangent kernel") { report in try DemoKernel().run(&report, key: key) }
      }
    }
    progress.finish()
    report.conclude()
  }
}
