import Foundation

/// The cells of a CSV text without quotes.
struct TableText {
  let header: [String]
  let rows: [[String]]

  init(_ text: String) {
    let lines = text.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
    header = lines.first ?? []
    rows = Array(lines.dropFirst())
  }

  func numbers(_ name: String) -> [Double] {
    guard let index = header.firstIndex(of: name) else { return [] }
    return rows.map { Double($0[index]) ?? .nan }
  }

  func texts(_ name: String) -> [String] {
    guard let index = header.firstIndex(of: name) else { return [] }
    return rows.map { $0[index] }
  }
}
