// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "swift-neural-tangents",
  platforms: [.macOS(.v15), .iOS(.v18)],
  products: [
    .library(name: "NeuralTangents", targets: ["NeuralTangents"]),
    .library(name: "Tensors", targets: ["Tensors"]),
    .executable(name: "neural-tangents", targets: ["neural-tangents"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
    .package(url: "https://github.com/swiftcsv/SwiftCSV", from: "0.10.0"),
  ],
  targets: [
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(
      name: "CSleef", pkgConfig: "sleef", providers: [.apt(["libsleef-dev"]), .brew(["sleef"])]),
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .target(name: "CVectorKernels", dependencies: ["CSleef"]),
    .target(
      name: "CLinearAlgebra",
      dependencies: [.target(name: "COpenBLAS", condition: .when(platforms: [.linux]))],
      linkerSettings: [
        .linkedFramework("Accelerate", .when(platforms: [.macOS, .iOS]))
      ]),
    .target(name: "Tensors", dependencies: ["CVectorKernels", "CLinearAlgebra"]),
    .target(
      name: "DataFiles",
      dependencies: ["Tensors", "CZlib", .product(name: "SwiftCSV", package: "SwiftCSV")]),
    .target(name: "CovarianceEngine", dependencies: ["Tensors", "CVectorKernels", "CLinearAlgebra"]),
    .target(
      name: "Networks",
      dependencies: ["CovarianceEngine", "Tensors", "CVectorKernels", .product(name: "Yams", package: "Yams")]),
    .target(name: "FiniteWidth", dependencies: ["Networks", "CovarianceEngine", "Tensors"]),
    .target(name: "Inference", dependencies: ["Networks", "CovarianceEngine", "Tensors"]),
    .target(
      name: "NeuralTangents",
      dependencies: ["Networks", "FiniteWidth", "Inference", "CovarianceEngine", "DataFiles", "Tensors"]),
    .executableTarget(
      name: "neural-tangents",
      dependencies: [
        "NeuralTangents", "DataFiles", "Tensors", "CVectorKernels", "CLinearAlgebra",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      resources: [.copy("Resources/Data")]),
    .executableTarget(
      name: "benchmarks", dependencies: ["NeuralTangents", "Tensors", "CVectorKernels"], path: "Benchmarks/Sources"),
    .target(name: "TestSupport", path: "Tests/TestSupport"),
    .testTarget(
      name: "VectorKernelTests", dependencies: ["CVectorKernels", "TestSupport"], resources: [.copy("Fixtures")]),
    .testTarget(
      name: "TensorsTests", dependencies: ["Tensors", "CVectorKernels", "TestSupport"], resources: [.copy("Fixtures")]),
    .testTarget(
      name: "DataFilesTests", dependencies: ["DataFiles", "Tensors"], resources: [.copy("Fixtures")]),
    .testTarget(
      name: "NeuralTangentsTests",
      dependencies: ["NeuralTangents", "CovarianceEngine", "Networks", "Tensors", "CVectorKernels"],
      resources: [.copy("Fixtures")]),
    .testTarget(
      name: "CommandLineTests", dependencies: ["neural-tangents", "NeuralTangents", "DataFiles", "Tensors"]),
  ],
  swiftLanguageModes: [.v6]
)
