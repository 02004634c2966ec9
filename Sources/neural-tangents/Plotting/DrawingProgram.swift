import Foundation

/// A program on the search path that draws what a script on its standard input says.
struct DrawingProgram: Sendable {
  private let name: String
  private let executable: URL

  var path: String { executable.path }

  /// nil when there is no such program.
  init?(_ name: String, searchPath: String) {
    let candidates = searchPath.split(separator: ":").map { URL(filePath: String($0)).appending(path: name) }
    guard let found = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0.path) }) else {
      return nil
    }
    self.name = name
    executable = found
  }

  static var searchPath: String { ProcessInfo.processInfo.environment["PATH"] ?? "" }

  /// - Parameter drawing: what is drawn, for error messages.
  /// - Throws: `CommandError` when the program cannot be run or reports an error.
  func run(_ script: String, arguments: [String] = [], drawing: String) throws(CommandError) {
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
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
      throw .internalFailure("\(name), drawing \(drawing): \(error.localizedDescription)")
    }
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      let reason = complaint.split(separator: "\n").last { $0.contains(where: \.isLetter) }
      throw .internalFailure("\(name), drawing \(drawing): \(reason ?? "exit status \(process.terminationStatus)")")
    }
  }
}

/// A picture that appears under its name when it is whole.
struct PictureFile {
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
