import Foundation

/// The program that turns figures into pictures.
struct Gnuplot: Sendable {
  private let executable: URL

  var path: String { executable.path }

  /// The gnuplot on the search path; nil when there is none.
  init?(searchPath: String = ProcessInfo.processInfo.environment["PATH"] ?? "") {
    let candidates = searchPath.split(separator: ":").map { URL(filePath: String($0)).appending(path: "gnuplot") }
    guard let found = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0.path) }) else {
      return nil
    }
    executable = found
  }

  static let missingMessage =
    "gnuplot is not installed, so no pictures were drawn "
    + "(Debian, Ubuntu: apt install gnuplot-nox; macOS: brew install gnuplot)"

  /// Draws `figure` as `name.svg` and `name.png` and returns their paths; existing files are replaced at the end.
  ///
  /// - Throws: `CommandError` when gnuplot reports an error or a picture cannot be written.
  func draw(_ figure: Figure, name: String, into directory: String) throws(CommandError) -> [String] {
    let folder = URL(filePath: directory)
    let (width, height) = figure.shape.size
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
    let pictures = terminals.map { Picture(name: name, fileExtension: $0.fileExtension, folder: folder) }
    defer { for picture in pictures { picture.discard() } }
    let files = zip(terminals, pictures).map { (name: $0.name, path: $1.temporary.path) }
    try run(GnuplotScript(figure).text(terminals: files), drawing: name)
    for picture in pictures { try picture.finish() }
    return pictures.map(\.final.relativePath)
  }

  /// Draws `frames` one after the other as `name.gif`, which starts over after the last, and returns its path.
  ///
  /// - Throws: `CommandError` when gnuplot reports an error or the picture cannot be written.
  func animate(_ frames: [Figure], name: String, into directory: String) throws(CommandError) -> String {
    let picture = Picture(name: name, fileExtension: "gif", folder: URL(filePath: directory))
    defer { picture.discard() }
    let (width, height) = frames.first?.shape.size ?? Figure.Shape.wide.size
    let terminal =
      "gif animate delay 16 loop 0 size \(width),\(height) font 'DejaVu Sans,12' background '#ffffff' noenhanced"
    let script =
      ["set terminal \(terminal)", "set output \(GnuplotScript.quoted(picture.temporary.path))"]
      + frames.map { GnuplotScript($0).frame } + ["unset output", ""]
    try run(script.joined(separator: "\n"), drawing: name)
    try picture.finish()
    return picture.final.relativePath
  }

  /// A file that appears under its name when it is whole.
  private struct Picture {
    let final: URL
    let temporary: URL

    init(name: String, fileExtension: String, folder: URL) {
      final = folder.appending(path: "\(name).\(fileExtension)")
      temporary = folder.appending(path: ".\(name).partial.\(fileExtension)")
    }

    func finish() throws(CommandError) {
      guard rename(temporary.path, final.path) == 0 else {
        throw .cannotWrite(final.path, reason: String(cString: strerror(errno)))
      }
    }

    func discard() { try? FileManager.default.removeItem(at: temporary) }
  }

  private func run(_ script: String, drawing name: String) throws(CommandError) {
    let process = Process()
    process.executableURL = executable
    let (input, errors) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = FileHandle.nullDevice
    process.standardError = errors
    let complaint: String
    do {
      try process.run()
      try input.fileHandleForWriting.write(contentsOf: Data(script.utf8))
      try input.fileHandleForWriting.close()
      complaint = String(decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    } catch {
      throw .internalFailure("gnuplot, drawing \(name): \(error.localizedDescription)")
    }
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      let reason = complaint.split(separator: "\n").last { $0.contains(where: \.isLetter) }
      throw .internalFailure("gnuplot, drawing \(name): \(reason ?? "exit status \(process.terminationStatus)")")
    }
  }
}
