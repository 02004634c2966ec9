import Foundation
import Testing

@testable import DataFiles
@testable import Tensors

@Suite("Encodings of tables")
struct TextEncodingTests {
  private static let text = "name,b\nMünchen,1\nKöln,2\n"
  private static let summary = "name: \"München\" \"Köln\"; b: 1 2"

  private func table(_ bytes: Data, _ encoding: TextEncoding? = nil) throws -> Table {
    try Table(
      csv: FileBytes(path: "t.csv", part: "", bytes: bytes), options: TableFixtures.options { $0.encoding = encoding })
  }

  private static func utf16(_ text: String, isBig: Bool) -> Data {
    Data(text.utf16.flatMap { isBig ? [UInt8($0 >> 8), UInt8($0 & 0xFF)] : [UInt8($0 & 0xFF), UInt8($0 >> 8)] })
  }

  private static let latin1 = Data(text.unicodeScalars.map { UInt8($0.value) })

  @Test("marks say what a file is, and options what has none")
  func encodings() throws {
    #expect(try TableFixtures.summary(table(Data(Self.text.utf8))) == Self.summary)
    #expect(try TableFixtures.summary(table(Data([0xEF, 0xBB, 0xBF]) + Data(Self.text.utf8))) == Self.summary)
    for isBig in [false, true] {
      let bytes = Self.utf16(Self.text, isBig: isBig)
      #expect(try TableFixtures.summary(table(Self.utf16("\u{FEFF}", isBig: isBig) + bytes)) == Self.summary)
      #expect(
        try TableFixtures.summary(table(bytes, isBig ? .utf16BigEndian : .utf16LittleEndian)) == Self.summary)
    }
    #expect(try TableFixtures.summary(table(Self.latin1, .latin1)) == Self.summary)
    #expect(try TableFixtures.summary(table(Self.latin1, .windows1252)) == Self.summary)
    let quotes = Data("a,b\n".utf8) + [0x93] + Data("x".utf8) + [0x94] + Data(",1\n".utf8)
    #expect(try table(quotes, .windows1252).column("a").texts == ["“x”"])
  }

  private static let wrongBytes: [(Data, String)] = [
    (
      latin1,
      "line 2, byte 2: expected UTF-8 text, found the byte fc; the file is likely latin-1: read it with --encoding latin-1"
    ),
    (
      Data("a,b\r\n1,2\r\n".utf8) + [0x93, 0x2C, 0x31],
      "line 3, byte 1: expected UTF-8 text, found the byte 93; the file is likely windows-1252"
    ),
    (Data("a,b\n1,2\n3,".utf8) + [0] + Data("4\n".utf8), "line 3, byte 3: expected text, found a zero byte"),
    (
      Data("a,b\n1,2\n3,\u{1A}4\n".utf8),
      "line 3, byte 3: expected text, found the control character 26, which no table has; the file is damaged or no table "
        + "(tr -d '\\32' removes such bytes)"
    ),
    (
      utf16(text, isBig: false),
      "line 1, byte 2: expected UTF-8 text, found a zero byte, as UTF-16 has; read the file with --encoding utf-16le"
    ),
    (
      utf16(text, isBig: true),
      "line 1, byte 1: expected UTF-8 text, found a zero byte, as UTF-16 has; read the file with --encoding utf-16be"
    ),
    (Data([0xFF, 0xFE, 0, 0, 0x61, 0, 0, 0]), "line 1: expected UTF-8 or UTF-16, found UTF-32"),
    (Data([0xFF, 0xFE, 0x61]), "end of the file: expected UTF-16, two bytes each, found an odd number of bytes"),
    (Data("a,b\n1,".utf8) + [0xC3], "line 2, byte 3: expected UTF-8 text, found the byte c3"),
    (Data("a,b\n".utf8) + [0xED, 0xA0, 0x80], "line 2, byte 1: expected UTF-8 text, found the byte ed"),
  ]

  @Test(
    "bytes that do not belong are named with their line, and the encoding that they likely have",
    arguments: wrongBytes)
  func wrong(bytes: Data, message: String) {
    let found = FileFixtures.message { try table(bytes) } ?? ""
    #expect(found.hasPrefix("t.csv: " + message), "\(found)")
  }

  @Test("a mark that says something else than the option is an error")
  func contradiction() {
    let found = FileFixtures.message { try table(Data([0xEF, 0xBB, 0xBF]) + Data(Self.text.utf8), .latin1) } ?? ""
    #expect(found.contains("expected latin-1, as asked for, found the mark of utf-8"), "\(found)")
  }

  @Test("every scalar passes, and every wrong sequence is found")
  func validity() throws {
    for scalar in [
      "\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FFFF}", "\u{10000}", "\u{10FFFF}",
    ] {
      #expect(try table(Data("a,b\n\(scalar),1\n".utf8)).rowCount == 1)
    }
    for bytes: [UInt8] in [
      [0x80], [0xC0, 0x80], [0xE0, 0x9F, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF],
    ] {
      #expect(throws: TensorError.self) { try table(Data("a,b\n12345678".utf8) + bytes + Data(",1\n".utf8)) }
    }
  }
}
