import Foundation
import Testing

@testable import neural_tangents

@Suite("tables, progress and figures")
struct ConsoleTests {
  @Test("numbers are set to the right, texts to the left")
  func textTable() {
    var table = TextTable(["name", "value", "note"])
    table.add(["a", "1.5", "long note"])
    table.add(["longer", "-10.25", "x"])
    #expect(
      table.description == """
          name     value  note
          ------  ------  ---------
          a          1.5  long note
          longer  -10.25  x
        """)
  }

  @Test("progress says what, how much, how long, and how long still")
  func progressLine() {
    let line = ProgressReporter.line(step: "kernel", fraction: 0.25, elapsed: .seconds(3), barWidth: 0)
    #expect(line == "kernel: 25 %, 3 s so far, 9 s left")
    let bar = ProgressReporter.line(step: "kernel", fraction: 0.5, elapsed: .seconds(4), barWidth: 10)
    #expect(bar == "kernel: [=====>    ] 50 %, 4 s so far, 4 s left")
    let done = ProgressReporter.line(step: "kernel", fraction: 1, elapsed: .seconds(4), barWidth: 4)
    #expect(done == "kernel: [====] 100 %, 4 s so far")
    #expect(
      ProgressReporter.line(step: "solving", fraction: nil, elapsed: .seconds(7), barWidth: 4) == "solving: 7 s so far")
  }

  @Test("scripts quote every text, so that no text is taken for a command")
  func quoting() {
    let figure = Figure(
      title: "it's `date`\nset output", x: Axis("x"), y: Axis("y"),
      content: .marks([Mark(label: "a 'b'", x: [1], geometry: .points(y: [2]), color: .blue)]))
    let script = GnuplotScript(figure).text(terminals: [("svg", "/tmp/it's.svg")])
    #expect(script.contains("set title 'it''s `date` set output'\n"))
    #expect(script.contains("title 'a ''b'''"))
    #expect(script.contains("set output '/tmp/it''s.svg'\n"))
  }
}

@Suite("splits")
struct SplitTests {
  @Test("every row is tested in one fold and trained on in all others", arguments: [(7, 2), (10, 10), (23, 5)])
  func folds(_ count: Int, _ folds: Int) {
    let splits = Split.folds(folds, count: count, key: .init(seed: 1))
    #expect(splits.count == folds)
    #expect(splits.flatMap(\.test).sorted() == Array(0..<count))
    for split in splits {
      #expect((split.train + split.test).sorted() == Array(0..<count))
      #expect(split.test.count == count / folds || split.test.count == count / folds + 1)
    }
  }

  @Test("folds of classes have each class in nearly its share")
  func stratified() {
    let classes = (0..<50).map { $0 < 10 ? 0 : 1 }
    for split in Split.folds(5, count: 50, classes: classes, key: .init(seed: 2)) {
      #expect(split.test.count { classes[$0] == 0 } == 2)
      #expect(split.test.count == 10)
    }
  }

  @Test("the rows of a group are in one fold, and folds are of nearly one size")
  func grouped() {
    let groups = (0..<60).map { $0 < 20 ? 0 : $0 % 13 + 1 }
    let splits = Split.folds(3, count: 60, groups: groups, key: .init(seed: 5))
    #expect(splits.count == 3 && splits.flatMap(\.test).sorted() == Array(0..<60))
    for split in splits {
      #expect(Set(split.test.map { groups[$0] }).isDisjoint(with: split.train.map { groups[$0] }))
      #expect((18...22).contains(split.test.count))
    }
    #expect(Split.folds(3, count: 4, groups: [7, 7, 8, 8], key: .init(seed: 5)).count == 2)
  }

  @Test("random splits have the size that is asked for, and depend on the key")
  func random() {
    let split = Split.random(count: 20, trainCount: 13, key: .init(seed: 3))
    #expect(split.train.count == 13 && (split.train + split.test).sorted() == Array(0..<20))
    #expect(Split.random(count: 20, trainCount: 13, key: .init(seed: 4)).train != split.train)
  }
}
