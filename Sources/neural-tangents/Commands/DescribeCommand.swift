import ArgumentParser
import Foundation
import NeuralTangents
import Tensors

/// `neural-tangents describe`: the layers of a network as a table and as a picture.
struct DescribeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe",
    abstract: "Show a network's layers, shapes, parameters, and what its kernel costs.",
    usage: "neural-tangents describe <network> --input <sizes> [--output <file>]",
    discussion: """
      Each row is a layer, indented where it is inside of another one:

        output       its shape; N is the number of inputs
        parameters   of the finite network
        covariances  between which positions of two inputs the infinite network
                     needs covariances of the output: each with itself (diagonal),
                     all pairs, or pairs with so many displacements
        entries      how many covariances these are
        flops, bytes estimated work for NNGP and NTK of one pair of inputs, float32
        executor     rows of matrices or slices of covariances, which stay in
                     cache, or tensor operations (reference), and why

      The picture is drawn by the program dot of Graphviz.

      EXAMPLES
        neural-tangents describe myrtle10 --input 32,32,3
        neural-tangents describe network.yaml --input 8,8,1 --output network.svg
      """)

  @Argument(help: InputFiles.networkHelp, completion: .file())
  var network: String

  @Option(
    help: .init(
      "Shape of one input, such as 784 or 32,32,3 (height, width, channels), of at most 65536 positions.",
      valueName: "sizes"))
  var input: Sizes

  @Option(
    help: .init("Draw the network into this file, with a name ending in .svg, .png or .pdf.", valueName: "file"),
    completion: .file(extensions: Graphviz.formats))
  var output: String?

  func validate() throws {
    if let output, Graphviz.format(of: output) == nil {
      throw ValidationError("--output: expected a name ending in .svg, .png or .pdf, found \(output)")
    }
  }

  func run() throws {
    let network = try InputFiles.network(at: network)
    var graphviz: Graphviz?
    if let output {
      try OutputFiles.requireWritable(output, formats: Graphviz.formats, inputs: [self.network])
      graphviz = Graphviz()
      guard graphviz != nil else { throw CommandError.internalFailure(Graphviz.missingMessage) }
    }
    let description = try network.description(forInput: input.values)
    if let output, let graphviz { try graphviz.draw(NetworkGraph(description).text, to: output) }
    let picture = output.map { "\n\nPicture: \($0)" } ?? ""
    StandardOutput.report("\(DescriptionTable(description))\(picture)", beside: output)
  }
}

/// A list such as `32,32,3`.
struct Sizes: ExpressibleByArgument {
  let values: [Int]

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    values = parts.compactMap { Int($0) }
    // A covariance has an entry for every pair of positions: more could not be counted.
    let limits = 1...LayerArguments.largestSize
    guard values.count == parts.count, values.allSatisfy(limits.contains),
      values.dropLast().reduce(1.0, { $0 * Double($1) }) <= 65536
    else { return nil }
  }
}

/// The rows of a description for a terminal.
struct DescriptionTable: CustomStringConvertible {
  private let network: NetworkDescription

  init(_ network: NetworkDescription) {
    self.network = network
  }

  var description: String {
    var table = TextTable(["layer", "output", "parameters", "covariances", "entries", "flops", "bytes", "executor"])
    table.add(
      ["input", Self.shape([nil] + network.input.map { $0 }), "0"] + cells(network.inputDemand, network.inputCost) + [
        ""
      ])
    for row in network.rows {
      var name = String(repeating: "  ", count: row.level) + row.name
      let arguments = Self.arguments(of: row).joined(separator: ", ")
      if !arguments.isEmpty { name += " " + (arguments.count > 60 ? arguments.prefix(59) + "…" : arguments) }
      table.add(
        [name, row.outputs.map(Self.shape).joined(separator: " "), "\(row.parameterCount)"]
          + (row.isContainer ? ["", "", "", "", ""] : cells(row.demand, row.cost) + [executor(of: row)]))
    }
    return "\(table)\n\n  Parameters of the finite network: \(network.parameterCount)\n  \(conclusion)\(obstacles)"
  }

  private func executor(of row: NetworkDescription.Row) -> String {
    if network.infiniteError != nil { return "-" }
    return row.obstacle == nil ? network.executor?.split(separator: " ").first.map(String.init) ?? "-" : "reference"
  }

  /// Why layers are left to the reference executor.
  private var obstacles: String {
    let reasons = network.rows.compactMap(\.obstacle)
    guard network.infiniteError == nil, !reasons.isEmpty else { return "" }
    var seen: Set<String> = []
    let different = reasons.filter { seen.insert($0).inserted }
    return "\n  By tensor operations: \(different.joined(separator: "; "))"
  }

  private var conclusion: String {
    if let error = network.infiniteError { return "No infinite limit: \(error)" }
    let cost = network.cost ?? .zero
    return
      "One entry of NNGP and NTK, estimated: \(Self.scaled(cost.flops)) flops, \(Self.scaled(cost.bytes)) bytes moved"
  }

  private func cells(_ demand: DisplacementDemand?, _ cost: Cost?) -> [String] {
    [
      demand.map(Self.words) ?? "-", demand.map { "\($0.entries)" } ?? "-", cost.map { Self.scaled($0.flops) } ?? "-",
      cost.map { Self.scaled($0.bytes) } ?? "-",
    ]
  }

  /// What a layer is by its sizes and choices, such as `width 512`: standard deviations and axes are left out.
  static func arguments(of row: NetworkDescription.Row) -> [String] {
    row.arguments.filter { !$0.name.hasSuffix("Std") && !$0.name.hasSuffix("Axis") }.map { "\($0.name) \($0.value)" }
  }

  static func shape(_ shape: [Int?]) -> String { shape.map { $0.map(String.init) ?? "N" }.joined(separator: "x") }

  private static func words(_ demand: DisplacementDemand) -> String {
    if demand.positions.isEmpty { return "no positions" }
    if demand.isAll { return "all" }
    return demand.isDiagonal ? "diagonal" : "\(demand.count) of \(demand.total) displacements"
  }

  /// Three digits and a prefix: `1.23 M`.
  private static func scaled(_ count: Int) -> String {
    var (value, prefix) = (Double(count), 0)
    while value >= 999.5, prefix < 6 { (value, prefix) = (value / 1000, prefix + 1) }
    return prefix == 0 ? "\(count)" : String(format: "%.3g ", value) + ["", "k", "M", "G", "T", "P", "E"][prefix]
  }
}
