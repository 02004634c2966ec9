import Foundation

/// The program that turns figures into pictures.
struct Gnuplot: Sendable {
  private let program: DrawingProgram

  var path: String { program.path }

  /// The gnuplot on the search path; nil when there is none.
  init?(searchPath: String = DrawingProgram.searchPath) {
    guard let program = DrawingProgram("gnuplot", searchPath: searchPath) else { return nil }
    self.program = program
  }

  static let missingMessage =
    "gnuplot is not installed, so no pictures were drawn "
    + "(Debian, Ubuntu: apt install gnuplot-nox; macOS: brew install gnuplot)"

  /// Draws `figure` as `name.svg` and `name.png` and returns their paths; existing files are replaced at the end.
  ///
  /// - Throws: `CommandError` when gnuplot reports an error or a picture cannot be written.
  func draw(_ figure: Figure, name: String, into directory: String) throws(CommandError) -> [String] {
    try draw(size: figure.shape.size, name: name, into: directory) { GnuplotScript(figure).text(terminals: $0) }
  }

  /// The same of several figures in one picture.
  func draw(_ panels: Panels, name: String, into directory: String) throws(CommandError) -> [String] {
    try draw(size: panels.size, name: name, into: directory) { GnuplotScript.text(panels, terminals: $0) }
  }

  private func draw(
    size: (width: Int, height: Int), name: String, into directory: String,
    _ script: ([(name: String, path: String)]) -> String
  ) throws(CommandError) -> [String] {
    let folder = URL(filePath: directory)
    let (width, height) = size
    let terminals = [
      (
        fileExtension: "svg",
        name:
          "svg size \(width),\(height) font 'Helvetica,Arial,DejaVu Sans,sans-serif,15' background '#ffffff' noenhanced"
      ),
      // Twice the resolution, for print and for dense screens.
      (
        fileExtension: "png",
        name: "pngcairo size \(2 * width),\(2 * height) font 'DejaVu Sans,12' fontscale 2 linewidth 2 pointscale 2 "
          + "background '#ffffff' noenhanced"
      ),
    ]
    var pictures: [PictureFile] = []
    defer { for picture in pictures { picture.discard() } }
    for terminal in terminals {
      pictures.append(try PictureFile(name: name, format: terminal.fileExtension, folder: folder))
    }
    let files = zip(terminals, pictures).map { (name: $0.name, path: $1.temporaryPath) }
    try program.run(script(files), drawing: name)
    for picture in pictures { try picture.finish() }
    return pictures.map(\.path)
  }

  /// Draws `frames` one after the other as `name.gif`, which starts over after the last, and returns its path.
  ///
  /// - Throws: `CommandError` when gnuplot reports an error or the picture cannot be written.
  func animate(_ frames: [Figure], name: String, into directory: String) throws(CommandError) -> String {
    let picture = try PictureFile(name: name, format: "gif", folder: URL(filePath: directory))
    defer { picture.discard() }
    let (width, height) = frames.first?.shape.size ?? Figure.Shape.wide.size
    let terminal =
      "gif animate delay 16 loop 0 size \(width),\(height) font 'DejaVu Sans,12' background '#ffffff' noenhanced"
    let script =
      ["set terminal \(terminal)", "set output \(GnuplotScript.quoted(picture.temporaryPath))"]
      + frames.map { GnuplotScript($0).frame } + ["unset output", ""]
    try program.run(script.joined(separator: "\n"), drawing: name)
    try picture.finish()
    return picture.path
  }
}
