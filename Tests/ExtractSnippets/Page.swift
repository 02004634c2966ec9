/// The code blocks of one Markdown page.
///
/// A block is a fenced one of the language `swift`, `sh` or `console`. What a comment before it says:
///
/// - `<!-- not run: why -->`: the block is for reading only.
/// - `<!-- setup ... -->`: what is inside of the comment is Swift that the blocks after it need and readers do not. The
///   blocks from one setup to the next share their names; before the first there is nothing.
struct Page {
  struct Line {
    var number: Int
    var text: String
  }

  /// Swift that is compiled as the body of one function: a setup and the blocks after it.
  struct Scope {
    var setup: [Line] = []
    var blocks: [[Line]] = []
  }

  /// A command with the lines that the page says it prints.
  struct Shell {
    var line: Int
    var command: String
    var output: [String] = []
  }

  var scopes: [Scope] = []
  var shells: [Shell] = []

  struct Mistake: Error, CustomStringConvertible {
    var line: Int
    var text: String
    var description: String { "\(line): error: \(text)" }
  }

  init(_ text: String) throws {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
      .map { Line(number: $0 + 1, text: String($1)) }[...]
    var isRead = true
    while let line = lines.popFirst() {
      if line.text.hasPrefix("<!-- not run:") {
        isRead = false
      } else if line.text.hasPrefix("<!-- setup") {
        scopes.append(Scope(setup: line.text.hasSuffix("-->") ? [] : try Self.take(&lines, line, until: "-->")))
      } else if line.text.hasPrefix("```") {
        let block = try Self.take(&lines, line, until: "```")
        if isRead { add(block, language: String(line.text.dropFirst(3))) }
        isRead = true
      } else if !line.text.allSatisfy(\.isWhitespace), !isRead {
        throw Mistake(line: line.number, text: "a block must follow what says that it is not run")
      }
    }
  }

  /// The lines up to the one that is `end`, which is taken, too.
  private static func take(_ lines: inout ArraySlice<Line>, _ first: Line, until end: String) throws -> [Line] {
    var taken: [Line] = []
    while let line = lines.popFirst() {
      if line.text == end { return taken }
      taken.append(line)
    }
    throw Mistake(line: first.number, text: "no line \(end) ends this")
  }

  private mutating func add(_ block: [Line], language: String) {
    switch language {
    case "swift":
      if scopes.isEmpty { scopes.append(Scope()) }
      scopes[scopes.count - 1].blocks.append(block)
    case "sh", "console": addCommands(block)
    default: break
    }
  }

  /// Those that run the program. In a block of the console commands follow a dollar sign, and other lines are output.
  private mutating func addCommands(_ block: [Line]) {
    var isOurs = false
    var isContinued = false
    for line in block {
      let isCommand = !isContinued && (line.text.hasPrefix("$ ") || !block[0].text.hasPrefix("$ "))
      let text = line.text.hasPrefix("$ ") ? String(line.text.dropFirst(2)) : line.text
      if isContinued {
        if isOurs { shells[shells.count - 1].command += "\n" + text }
      } else if isCommand {
        isOurs = text.hasPrefix("neural-tangents ")
        if isOurs { shells.append(Shell(line: line.number, command: text)) }
      } else if isOurs {
        shells[shells.count - 1].output.append(text)
      }
      isContinued = (isCommand || isContinued) && text.hasSuffix("\\")
    }
  }
}
