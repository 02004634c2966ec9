import NeuralTangents

/// A network as a graph in the language of Graphviz's dot: layers as boxes, shapes along the edges.
struct NetworkGraph {
  private let network: NetworkDescription

  init(_ network: NetworkDescription) {
    self.network = network
  }

  var text: String {
    var lines = [
      "digraph network {",
      "  graph [rankdir=TB, ordering=out, nodesep=0.3, ranksep=0.35, bgcolor=white, fontname=\"Helvetica\", fontsize=11, "
        + "fontcolor=\"#444444\"]",
      "  node [shape=box, style=\"rounded,filled\", fillcolor=\"#f4f4f4\", color=\"#444444\", penwidth=0.8, "
        + "fontname=\"Helvetica\", fontsize=11, margin=\"0.14,0.06\"]",
      "  edge [color=\"#444444\", penwidth=0.8, arrowsize=0.6, fontname=\"Helvetica\", fontsize=9, fontcolor=\"#666666\"]",
      "  input [shape=plaintext, style=\"\", label=\"input\"]",
    ]
    lines += nodes
    lines += edges
    return (lines + ["}", ""]).joined(separator: "\n")
  }

  /// Layers that pass on what they get are edges, not boxes.
  private func isDrawn(_ row: NetworkDescription.Row) -> Bool {
    !row.isContainer && row.name != "identity" && row.name != "fanOut"
  }

  /// Whether layers in it are drawn in a frame with its name.
  private func isFramed(_ row: NetworkDescription.Row) -> Bool {
    row.isContainer && row.name != "serial" && row.name != "parallel"
  }

  private var nodes: [String] {
    var lines: [String] = []
    var open: [Int] = []
    for (index, row) in network.rows.enumerated() {
      while let level = open.last, level >= row.level {
        lines.append("  }")
        open.removeLast()
      }
      if isFramed(row) {
        open.append(row.level)
        lines.append(
          "  subgraph cluster\(index) { label=\(quoted(title(row))); labeljust=l; style=\"rounded,dashed\"; color=\"#999999\""
        )
      } else if isDrawn(row) {
        lines.append("  n\(index) [\(style(row))]")
      }
    }
    return lines + open.map { _ in "  }" }
  }

  private var edges: [String] {
    var lines: [String] = []
    for (index, row) in network.rows.enumerated() where isDrawn(row) {
      for source in row.sources.isEmpty ? [nil] : row.sources.map({ Optional($0) }) {
        lines.append(edge(from: source, to: "n\(index)"))
      }
    }
    let outputs: [Int?] = network.outputRows.isEmpty ? [nil] : network.outputRows
    for (number, row) in outputs.enumerated() {
      lines.append("  output\(number) [shape=plaintext, style=\"\", label=\"output\"]")
      lines.append(edge(from: row, to: "output\(number)"))
    }
    return lines
  }

  private func edge(from source: Int?, to target: String) -> String {
    var source = source
    while let index = source, !isDrawn(network.rows[index]) { source = network.rows[index].sources.first }
    let shape = source.flatMap { network.rows[$0].outputs.first } ?? [nil] + network.input.map { $0 }
    return "  \(source.map { "n\($0)" } ?? "input") -> \(target) [label=\(quoted(" " + DescriptionTable.shape(shape)))]"
  }

  private func title(_ row: NetworkDescription.Row) -> String {
    guard row.name == "repeat" else { return label(row) }
    return (row.arguments.first { $0.name == "count" }?.value ?? "") + " times"
  }

  private func label(_ row: NetworkDescription.Row) -> String {
    // A few arguments to a line, so that boxes stay narrow.
    var lines = [row.name]
    for argument in DescriptionTable.arguments(of: row) {
      if lines.count > 1, lines[lines.count - 1].count + argument.count < 30 {
        lines[lines.count - 1] += ", " + argument
      } else {
        lines.append(argument)
      }
    }
    return lines.joined(separator: "\n")
  }

  private func style(_ row: NetworkDescription.Row) -> String {
    let symbols = ["fanInSum": "+", "fanInProduct": "×", "fanInConcat": "concat"]
    if let symbol = symbols[row.name] {
      return "shape=circle, margin=\"0.02\", width=0.3, label=\(quoted(symbol))"
    }
    let color = row.parameterCount > 0 ? "#cfe3f5" : row.isActivation ? "#fbe0c8" : "#d9efe3"
    return "fillcolor=\"\(color)\", label=\(quoted(label(row)))"
  }

  private func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\""
  }
}
