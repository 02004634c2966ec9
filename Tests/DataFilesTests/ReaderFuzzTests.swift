import Foundation
import TestSupport
import Testing

@testable import DataFiles
@testable import Tensors

/// Files with a few bytes changed, moved or repeated: reading them gives something or an error, never a trap, and soon.
@Suite("Damaged files of data")
struct ReaderFuzzTests {
  /// SplitMix64, so that a failure can be repeated by its number.
  private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var word = state
      word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
      word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
      return word ^ (word >> 31)
    }
  }

  private static let tables = [
    "a,b,c\n1,2,x\n3,4.5,y\nNA,,\"z \"\"q\"\"\"\n", "x;y;z\n1;1,5;2024-01-31\n2;2,25;1.2.2024\n",
    ",a,b,\n0,$5,12%,\n1,\"1,234.5\",3%,\n", "1\t2\r\n3\t4\r\n", "sep=|\nname|2019\n\"two\nlines\"|1e5\n",
    "d\n31/01/2024 12:30\n01/02/2024 1:00 PM\n\n", "\u{FEFF}größe;−5,5\n1 234;'x'\n",
    "# c\na,b\n1,2\n", "5.1,x\n4.9,x\n4,y\n", "a|b\r\"1\"|\"2\"\r",
  ]

  private static let pieces: [[UInt8]] =
    [
      ",", ";", "\t", "|", "\"", "\n", "\r", "\r\n", ".", "-", "e", "1", "0", " ", "%", "$", "/", ":", "#", "NA",
      "1e999", "é",
      "\u{A0}", "\u{2212}", "99999999999999999999", "2024-01-31", "sep=;", "''",
    ].map { Array($0.utf8) } + [[0], [0xFF], [0xFF, 0xFE], [0x1F, 0x8B], [0x93], [0xC3], [0x80]]

  private static func mutated(_ bytes: Data, _ generator: inout Generator) -> Data {
    var bytes = [UInt8](bytes)
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let place = Int.random(in: 0...bytes.count, using: &generator)
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: bytes.insert(contentsOf: pieces.randomElement(using: &generator) ?? [], at: place)
      case 1 where place < bytes.count: bytes.remove(at: place)
      case 2 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &generator)
      case 3: bytes.removeLast(bytes.count - place)
      case 4 where place < bytes.count:
        let end = Int.random(in: place..<bytes.count, using: &generator)
        bytes.insert(contentsOf: bytes[place...end], at: place)
      default:
        if place < bytes.count { bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator) }
      }
    }
    return Data(bytes)
  }

  @Test("changed tables, arrays and archives give something or an error")
  func mutations() throws {
    let count = TestSwitch.fuzz.isOn ? 100_000 : 2_000
    var seeds = Self.tables.map { Data($0.utf8) }
    for name in ["fortran-f8.npy", "big-i2.npy", "stored.npz", "deflated.npz", "images.idx", "floats.idx.gz"] {
      // Larger ones are changed in places that do not matter.
      seeds.append(try FileFixtures.bytes(name).prefix(4096))
    }
    seeds.append(try DataFileTests.packed(Data(Self.tables[0].utf8), .zlib))
    var slowest = (seconds: Duration.zero, seed: 0)
    for number in 0..<count {
      var generator = Generator(state: UInt64(number))
      let seed = seeds[number % seeds.count]
      let bytes = Self.mutated(seed, &generator)
      let duration = ContinuousClock().measure {
        do {
          let file = try DataFile(FileBytes(path: "fuzz", part: "", bytes: bytes))
          for name in file.arrayNames { _ = try file.array(name) }
          if file.arrayNames.isEmpty { _ = try file.array() }
          let table = try file.table()
          #expect(table.columns.allSatisfy { $0.count == table.rowCount })
        } catch is TensorError {
        } catch {
          Issue.record("number \(number): \(error)")
        }
      }
      if duration > slowest.seconds { slowest = (duration, number) }
    }
    #expect(slowest.seconds < .seconds(5), "number \(slowest.seed) took \(slowest.seconds)")
  }

  @Test("a table that is written, whatever is in it, is read with the cells that it has")
  func roundTrips() throws {
    let count = TestSwitch.fuzz.isOn ? 10_000 : 200
    let words = ["x", "y,z", "q\"q", " w", "ä\n", "5 kg", "a;b", "'", "true", "x|y", "#1", "\tt"]
    for number in 0..<count {
      var generator = Generator(state: UInt64(number))
      let rowCount = Int.random(in: 1...6, using: &generator)
      let numbers = (0..<rowCount).map { _ in Double.random(in: -1e6...1e6, using: &generator) }
      let texts = (0..<rowCount).map { _ in words.randomElement(using: &generator) ?? "" }
      try FileFixtures.withFolder { folder in
        try Table.writeCsv(
          header: ["number", "text, \"quoted\""], rows: zip(numbers, texts).map { ["\($0)", $1] }, to: "\(folder)/t.csv"
        )
        let table = try Table(csvAt: "\(folder)/t.csv")
        #expect(try table.column("number").numbers == numbers, "number \(number)")
        let found = try table.column("text, \"quoted\"").texts
        #expect(found == texts.map { $0.trimmingCharacters(in: .init(charactersIn: " \t")) }, "number \(number)")
      }
    }
  }
}
