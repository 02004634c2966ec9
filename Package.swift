// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "swift-neural-tangents",
  platforms: [.macOS(.v15), .iOS(.v18)],
  products: [
    .library(name: "NeuralTangents", targets: ["NeuralTangents"]),
    .library(name: "Tensors", targets: ["Tensors"]),
    .library(name: "DataFiles", targets: ["DataFiles"]),
    .executable(name: "neural-tangents", targets: ["neural-tangents"]),
    // C functions for other languages, as Sources/NeuralTangentsC/include declares them.
    .library(name: "NeuralTangentsC", type: .static, targets: ["NeuralTangentsC"]),
  ],
  // Off unless asked for, as in `swift build --traits MPI`; `make mpi` does. Without it nothing of MPI is looked for or linked.
  traits: [
    .trait(name: "MPI", description: "Inference over the memory of several machines, by MPI, ScaLAPACK and ELPA.")
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CSleef", pkgConfig: "sleef", providers: [.apt(["libsleef-dev"]), .brew(["sleef"])]),
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .target(
      name: "CVectorKernels", dependencies: ["CSleef"],
      cSettings: ["common", "duals", "gradients", "slices", "elementwise", "convolution", "random", "rows"].map {
        .headerSearchPath($0)
      }),
    // OpenBLAS is loaded when it is first used, not linked: Sources/CLinearAlgebra/blas_library.c says why.
    .target(
      name: "CLinearAlgebra",
      linkerSettings: [
        .linkedFramework("Accelerate", .when(platforms: [.macOS, .iOS])),
        .linkedLibrary("dl", .when(platforms: [.linux])),
      ]),
    .systemLibrary(
      name: "CMPISystem", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev", "libscalapack-openmpi-dev"])]),
    .systemLibrary(name: "CElpaSystem", pkgConfig: "elpa", providers: [.apt(["libelpa-dev"])]),
    // One rank and no library without the trait: the C file has a body for either.
    .target(
      name: "CDistributed",
      dependencies: [
        .target(name: "CMPISystem", condition: .when(traits: ["MPI"])),
        .target(name: "CElpaSystem", condition: .when(traits: ["MPI"])),
      ],
      cSettings: [.define("NT_MPI", .when(traits: ["MPI"]))],
      linkerSettings: [.linkedLibrary("scalapack-openmpi", .when(traits: ["MPI"]))]),
    .target(name: "Platform"),
    .target(name: "Tensors", dependencies: ["CVectorKernels", "CLinearAlgebra", "Platform"]),
    .target(name: "DataFiles", dependencies: ["Tensors", "CZlib"]),
    .target(name: "DurableFiles", dependencies: ["Tensors", "Platform"]),
    .target(name: "Clusters", dependencies: ["CDistributed", "Tensors", "Platform"]),
    .target(
      name: "CovarianceEngine", dependencies: ["Tensors", "CVectorKernels", "CLinearAlgebra", "Platform"],
      exclude: ["README.md", "Execution/Gradients/README.md", "Execution/Slices/README.md"]),
    .target(
      name: "Networks",
      dependencies: ["CovarianceEngine", "Tensors", "CVectorKernels", "Platform"]),
    // Apart, because a library for other languages has no use for Yams and what it needs.
    .target(
      name: "NetworkYAML",
      dependencies: ["Networks", "CovarianceEngine", .product(name: "Yams", package: "Yams")]),
    .target(name: "FiniteWidth", dependencies: ["Networks", "CovarianceEngine", "Tensors"]),
    .target(
      name: "Inference",
      dependencies: ["Networks", "CovarianceEngine", "Clusters", "DurableFiles", "Tensors", "Platform"]),
    .target(
      name: "GramStore",
      dependencies: ["Networks", "CovarianceEngine", "DurableFiles", "Tensors", "CVectorKernels", "Platform"]),
    // The shim of accelerators' plugins, which are loaded when a device is asked for: nothing links them.
    .target(
      name: "CPjrt", exclude: ["vendor/README.md"], cSettings: [.headerSearchPath("vendor")],
      linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    .target(
      name: "Accelerator",
      dependencies: ["CPjrt", "Networks", "CovarianceEngine", "Tensors", "Platform"], exclude: ["README.md"]),
    .target(name: "Dynamics", dependencies: ["Inference", "Networks", "CovarianceEngine", "Tensors", "Platform"]),
    .target(
      name: "NeuralTangents",
      dependencies: [
        "Networks", "NetworkYAML", "FiniteWidth", "Inference", "Dynamics", "GramStore", "Accelerator", "Clusters",
        "CovarianceEngine",
        "DataFiles", "Tensors",
      ]),
    .systemLibrary(name: "CNeuralTangents", path: "Sources/NeuralTangentsC/include"),
    .target(
      name: "NeuralTangentsC",
      dependencies: [
        "CNeuralTangents", "Networks", "FiniteWidth", "Inference", "CovarianceEngine", "Tensors", "Platform",
      ], exclude: ["include", "exports.map"]),
    .executableTarget(
      name: "neural-tangents",
      dependencies: [
        "NeuralTangents", "Accelerator", "GramStore", "Inference", "Clusters", "DurableFiles", "DataFiles", "Tensors",
        "Platform", "CVectorKernels", "CLinearAlgebra",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      resources: [.copy("Resources/Data")]),
    .executableTarget(
      name: "benchmarks",
      dependencies: [
        "NeuralTangents", "Accelerator", "GramStore", "DataFiles", "Tensors", "CVectorKernels", "CLinearAlgebra",
      ],
      path: "Benchmarks/Sources"),
    // Runs prepared modules on a machine that has a device and no Swift; `Scripts/gpu-check.sh` carries it there.
    .executableTarget(name: "pjrt-run", dependencies: ["CPjrt"], path: "Benchmarks/PjrtRun"),
    // Checks in C, which `make test` runs, and `make test-neon` for arm64 in an emulator.
    .executableTarget(
      name: "kernel-checks", dependencies: ["CVectorKernels"], path: "Tests/CVectorKernelsTests",
      linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))]),
    .executableTarget(
      name: "blas-checks", dependencies: ["CLinearAlgebra"], path: "Tests/CLinearAlgebraTests",
      linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))]),
    // What a cluster offers, on as many ranks as it is started with; `make test-mpi` does.
    .executableTarget(
      name: "cluster-checks", dependencies: ["CDistributed"], path: "Tests/CDistributedTests",
      linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))]),
    .executableTarget(
      name: "c-interface-checks", dependencies: ["NeuralTangentsC"], path: "Tests/NeuralTangentsCTests",
      cSettings: [.headerSearchPath("../../Sources/NeuralTangentsC/include")],
      linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))]),
    .target(name: "TestSupport", path: "Tests/TestSupport"),
    .testTarget(
      name: "VectorKernelTests", dependencies: ["CVectorKernels", "TestSupport"], resources: [.copy("Fixtures")]),
    .testTarget(
      name: "TensorsTests", dependencies: ["Tensors", "CVectorKernels", "CLinearAlgebra", "TestSupport"],
      resources: [.copy("Fixtures")]),
    .testTarget(
      name: "DataFilesTests", dependencies: ["DataFiles", "Tensors", "TestSupport"], resources: [.copy("Fixtures")]),
    .testTarget(
      name: "NeuralTangentsTests",
      dependencies: [
        "NeuralTangents", "CovarianceEngine", "Networks", "Clusters", "Tensors", "CVectorKernels", "TestSupport",
      ],
      resources: [.copy("Fixtures")]),
    .testTarget(
      name: "GramStoreTests",
      dependencies: [
        "GramStore", "Inference", "Networks", "CovarianceEngine", "DurableFiles", "Tensors", "CVectorKernels",
        "Platform",
        "TestSupport",
      ]),
    .testTarget(
      name: "AcceleratorTests",
      dependencies: [
        "Accelerator", "NeuralTangents", "FiniteWidth", "Networks", "CovarianceEngine", "Tensors", "Platform",
        "TestSupport",
      ], exclude: ["Double"]),
    .testTarget(
      name: "CommandLineTests",
      dependencies: [
        "neural-tangents", "NeuralTangents", "GramStore", "DataFiles", "Tensors", "CVectorKernels", "TestSupport",
      ]),
    // The code blocks of README and articles, which a plugin extracts before they are compiled.
    .testTarget(
      name: "SnippetTests", dependencies: ["neural-tangents", "NeuralTangents", "DataFiles", "Tensors"],
      plugins: ["ExtractSnippets"]),
    .plugin(name: "ExtractSnippets", capability: .buildTool(), dependencies: ["extract-snippets"]),
    .executableTarget(name: "extract-snippets", path: "Tests/ExtractSnippets"),
  ],
  swiftLanguageModes: [.v6]
)

// `make sanitize-sample` builds libraries and the tests that it runs, and nothing else, because it builds them twice.
switch Context.environment["SANITIZE_SAMPLE"] {
case nil, "", "0": break
case "1":
  let others = [
    "neural-tangents", "benchmarks", "pjrt-run", "kernel-checks", "blas-checks", "cluster-checks", "extract-snippets",
    "ExtractSnippets", "AcceleratorTests",
    "SnippetTests",
    "CommandLineTests",
  ]
  package.products.removeAll { others.contains($0.name) }
  package.targets.removeAll { others.contains($0.name) }
  for target in package.targets where target.name == "NeuralTangentsTests" {
    let suites = ["FusedImage", "FusedExecutor", "SliceExecutor", "SliceLimit", "SliceMemory", "GramJob", "GramStream"]
    target.sources = ["Support"] + suites.map { "\($0)Tests.swift" }
  }
case .some(let value): fatalError("SANITIZE_SAMPLE: expected 1 or 0, found \"\(value)\"")
}
