/// Numbers as `printf` writes them.
package func formatted(_ format: String, _ numbers: any CVarArg...) -> String {
  withVaList(numbers) { list in
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { text in
      guard let start = text.baseAddress, vsnprintf(start, text.count, format, list) >= 0 else { return "" }
      return String(cString: start)
    }
  }
}
