// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "Client",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "swift-neural-tangents", path: "../..")],
  targets: [
    .executableTarget(
      name: "Client",
      dependencies: [
        .product(name: "NeuralTangents", package: "swift-neural-tangents")
      ])
  ],
  swiftLanguageModes: [.v6]
)
