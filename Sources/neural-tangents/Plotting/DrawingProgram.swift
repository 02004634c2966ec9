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
    do {
      try ChildPrograms.start(process)
    } catch {
      throw .internalFailure("\(name), drawing \(drawing): \(error.localizedDescription)")
    }
    // A program that ends before it has read everything says why.
    try? input.fileHandleForWriting.write(contentsOf: Data(script.utf8))
    try? input.fileHandleForWriting.close()
    let complaint = String(decoding: (try? errors.fileHandleForReading.readToEnd()) ?? Data(), as: UTF8.self)
    ChildPrograms.waitForEnd(of: process)
    guard process.terminationStatus == 0 else {
      let reason = complaint.split(separator: "\n").last { $0.contains(where: \.isLetter) }
      throw .internalFailure("\(name), drawing \(drawing): \(reason ?? "exit status \(process.terminationStatus)")")
    }
  }
}
