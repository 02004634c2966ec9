import Foundation

// extract-snippets ROOT OUTPUT PAGE...: writes OUTPUT, a Swift file with one test for each scope of the pages and a list
// of their commands.

/// A Swift literal of any text.
func literal(_ text: String) -> String { "####\"\"\"\n\(text)\n\"\"\"####" }

/// Names that a line at the left margin declares, so that the compiler does not call them unused.
func declared(_ line: String) -> [String] {
  guard let word = ["let ", "var "].first(where: line.hasPrefix) else { return [] }
  let names = line.dropFirst(word.count).prefix { $0 != "=" && $0 != ":" }
  return names.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init).filter { $0 != "_" }
}

func swift(_ scope: Page.Scope, page: String, index: Int) -> (imports: [String], text: String) {
  var imports: [String] = []
  var body: [String] = []
  var names: [String] = []
  for block in [scope.setup] + scope.blocks where !block.isEmpty {
    body.append("#sourceLocation(file: \"\(page)\", line: \(block[0].number))")
    for line in block {
      // The line stays, so that those after it keep their numbers.
      let isImport = line.text.hasPrefix("import ")
      if isImport { imports.append(line.text) }
      body.append(isImport ? "" : line.text)
      names += declared(line.text)
    }
    body.append("#sourceLocation()")
  }
  let first = (scope.blocks.first ?? scope.setup).first?.number ?? 0
  let text = """
      @Test("\(page), line \(first)") func scope\(index)() async throws {
      \(body.joined(separator: "\n"))
      \(names.map { "_ = \($0)" }.joined(separator: "\n"))
      }
    """
  return (imports, text)
}

let arguments = CommandLine.arguments
guard arguments.count > 2 else { fatalError("usage: extract-snippets ROOT OUTPUT PAGE...") }
var imports: Set<String> = ["import Foundation", "import NeuralTangents", "import Tensors", "import Testing"]
var scopes: [String] = []
var shells: [String] = []
for path in arguments.dropFirst(3) {
  let name = path.hasPrefix(arguments[1] + "/") ? String(path.dropFirst(arguments[1].count + 1)) : path
  do {
    let page = try Page(String(contentsOfFile: path, encoding: .utf8))
    for scope in page.scopes where !scope.blocks.isEmpty {
      let swift = swift(scope, page: name, index: scopes.count)
      imports.formUnion(swift.imports)
      scopes.append(swift.text)
    }
    for shell in page.shells {
      let output = shell.output.map { literal($0) }.joined(separator: ", ")
      shells.append(
        "ShellSnippet(page: \"\(name)\", line: \(shell.line), command: \(literal(shell.command)), output: [\(output)]),"
      )
    }
  } catch {
    FileHandle.standardError.write(Data("\(path):\(error)\n".utf8))
    exit(1)
  }
}
let text = """
  \(imports.sorted().joined(separator: "\n"))

  @Suite("Swift blocks of README and articles") struct SwiftSnippets {
  \(scopes.joined(separator: "\n"))
  }

  let shellSnippets: [ShellSnippet] = [
  \(shells.joined(separator: "\n"))
  ]

  """
try Data(text.utf8).write(to: URL(fileURLWithPath: arguments[2]), options: .atomic)
