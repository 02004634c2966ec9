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
    let files = terminals.map { terminal in
      (
        terminal: terminal.name, final: folder.appending(path: "\(name).\(terminal.fileExtension)"),
        temporary: folder.appending(path: ".\(name).partial.\(terminal.fileExtension)")
      )
    }
    defer { for file in files { try? FileManager.default.removeItem(at: file.temporary) } }
    try run(GnuplotScript(figure).text(terminals: files.map { ($0.terminal, $0.temporary.path) }), drawing: name)
    for file in files {
      guard rename(file.temporary.path, file.final.path) == 0 else {
        throw .cannotWrite(file.final.path, reason: String(cString: strerror(errno)))
      }
    }
    return files.map(\.final.relativePath)
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
