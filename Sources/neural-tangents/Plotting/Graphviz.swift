import Foundation

/// The program `dot` of Graphviz, which lays out and draws graphs.
struct Graphviz: Sendable {
  private let program: DrawingProgram

  var path: String { program.path }

  /// The dot on the search path; nil when there is none.
  init?(searchPath: String = DrawingProgram.searchPath) {
    guard let program = DrawingProgram("dot", searchPath: searchPath) else { return nil }
    self.program = program
  }

  static let missingMessage =
    "dot is not installed, which draws networks (Debian, Ubuntu: apt install graphviz; macOS: brew install graphviz)"

  static let formats = ["svg", "png", "pdf"]

  /// What to draw into a file of this name; nil when its ending is not one of `formats`.
  static func format(of path: String) -> String? {
    let ending = URL(filePath: path).pathExtension.lowercased()
    return formats.contains(ending) ? ending : nil
  }

  /// Draws a graph in the language of dot; an existing file is replaced at the end.
  ///
  /// - Throws: `CommandError` when dot reports an error or the picture cannot be written.
  func draw(_ graph: String, to path: String) throws(CommandError) {
    let url = URL(filePath: path)
    guard let format = Self.format(of: path) else {
      throw .usage("\(path): expected a name ending in .svg, .png or .pdf")
    }
    let picture = try PictureFile(url)
    defer { picture.discard() }
    // Twice the resolution of a screen for pixels.
    let density = format == "png" ? ["-Gdpi=144"] : []
    try program.run(
      graph, arguments: ["-T\(format)", "-o", picture.temporaryPath] + density, drawing: url.lastPathComponent)
    try picture.finish()
  }
}
