/// The programs compiled last, by their texts, so that equal ones need not be compiled again. What falls out lives on with who
/// uses it.
///
/// A plugin for processors maps the code of every loop into memory by itself, about one range for every 120 bytes of text. A
/// process may have 65,530 ranges (`vm.max_map_count`), and no program compiles when there is no other: so texts are counted,
/// too.
struct RecentPrograms<Program> {
  static var mostPrograms: Int { 64 }
  static var mostBytes: Int { 2 << 20 }

  private var programs: [String: Program] = [:]
  /// The latest last.
  private var order: [String] = []
  private(set) var byteCount = 0

  var count: Int { order.count }

  func program(_ text: String) -> Program? { programs[text] }

  mutating func add(_ program: Program, _ text: String) {
    guard programs.updateValue(program, forKey: text) == nil else { return }
    order.append(text)
    byteCount += text.utf8.count
    // The latest stays, whatever its size.
    while order.count > 1 && (order.count > Self.mostPrograms || byteCount > Self.mostBytes) {
      let oldest = order.removeFirst()
      programs[oldest] = nil
      byteCount -= oldest.utf8.count
    }
  }
}
