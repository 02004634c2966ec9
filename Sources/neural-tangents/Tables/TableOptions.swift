import ArgumentParser
import DataFiles

/// The options that all subcommands share that read tables: what a file does not say of itself.
struct TableOptions: ParsableArguments {
  @Option(help: "Encoding of tables (default: by their mark, or utf-8).")
  var encoding: TextEncoding?

  @Option(help: .init("What separates cells: a character, or tab (default: found out).", valueName: "character"))
  var separator: CellSeparator?

  @Option(help: .init("Decimal mark of numbers, . or , (default: found out).", valueName: "mark"))
  var decimal: DecimalMark?

  @Flag(inversion: .prefixedNo, help: "Whether the first row names the columns (default: found out).")
  var header: Bool?

  // A minus sign is a value, not an option.
  @Option(
    parsing: .unconditionalSingleValue,
    help: .init("A text that stands for a missing value, besides NA and the like; may be repeated.", valueName: "text"))
  var missingText: [String] = []

  /// - Parameter categorical: columns that keep their text.
  func reading(categorical: ColumnNames? = nil) -> ReadingOptions {
    var options = ReadingOptions()
    options.encoding = encoding
    options.separator = separator?.character
    options.decimalMark = decimal
    options.hasHeader = header
    options.missing = MissingCells(others: Set(missingText))
    options.categorical = categorical?.candidates ?? []
    return options
  }
}

extension TextEncoding: ExpressibleByArgument {}
extension DecimalMark: ExpressibleByArgument {}

/// One character, or `tab`.
struct CellSeparator: ExpressibleByArgument {
  let character: Character

  init?(argument: String) {
    switch argument {
    case "tab", "\\t": character = "\t"
    case _ where argument.count == 1: character = Character(argument)
    default: return nil
    }
  }
}

/// Names of columns as one argument: separated by commas, in quotes where they have commas or quotes themselves, as in CSV.
struct ColumnNames {
  private let argument: String
  /// Each of them.
  let names: [String]

  init(_ argument: String) {
    self.argument = argument
    var names: [String] = []
    var name = ""
    var isQuoted = false
    var isBehindQuote = false
    for character in argument {
      switch character {
      case "\"" where isQuoted:
        (isQuoted, isBehindQuote) = (false, true)
      case "\"" where isBehindQuote:
        // Two quotes stand for one.
        name.append(character)
        (isQuoted, isBehindQuote) = (true, false)
      case "\"" where name.allSatisfy(\.isWhitespace):
        (name, isQuoted) = ("", true)
      case "," where !isQuoted:
        names.append(name)
        (name, isBehindQuote) = ("", false)
      default: name.append(character)
      }
    }
    names.append(name)
    self.names = names.map(\.withoutSpaces).filter { !$0.isEmpty }
  }

  /// All names that may be meant.
  var candidates: Set<String> { Set(names + [argument.withoutSpaces]) }

  /// The names that are meant: the whole argument, where the table has a column of that name.
  func resolved(in table: Table) -> [String] {
    table.hasColumn(argument.withoutSpaces) ? [argument.withoutSpaces] : names
  }
}

extension String {
  fileprivate var withoutSpaces: String {
    var text = self[...]
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
