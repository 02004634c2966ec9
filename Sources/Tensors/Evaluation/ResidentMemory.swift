import Platform

/// How much memory of this process is resident, in bytes: for programs that measure themselves.
package enum ResidentMemory {
  /// The largest value since `resetPeak`, or, where the system cannot forget it, since the process began.
  package static var peak: Int {
    #if os(Linux)
      if let peak = status("VmHWM:") { return peak }
    #endif
    return processPeak
  }

  /// The present value; the peak where the system does not tell.
  package static var current: Int {
    #if os(Linux)
      if let current = status("VmRSS:") { return current }
    #endif
    return processPeak
  }

  /// Makes the peak the present value, where the system can, and gives it back what was freed.
  package static func resetPeak() {
    // What is kept for later would hide as much of what comes.
    releaseFreed()
    #if os(Linux)
      // 5 forgets the peak and nothing else. Where it is not permitted, the peak since the start remains.
      guard let file = fopen("/proc/self/clear_refs", "w") else { return }
      fputs("5", file)
      fclose(file)
    #endif
  }

  /// Gives the system back what was freed, where it can.
  package static func releaseFreed() {
    TensorStorage.releaseKept()
    #if os(Linux)
      giveBackFreed()
    #endif
  }

  #if os(Linux)
    /// `malloc_trim(0)`, which is glibc's alone and which Swift does not import.
    private static func giveBackFreed() {
      guard let symbol = dlsym(nil, "malloc_trim") else { return }
      _ = unsafeBitCast(symbol, to: (@convention(c) (Int) -> Int32).self)(0)
    }
  #endif

  private static var processPeak: Int {
    var usage = rusage()
    #if os(Linux)
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      return usage.ru_maxrss * 1024
    #else
      getrusage(RUSAGE_SELF, &usage)
      return usage.ru_maxrss
    #endif
  }

  #if os(Linux)
    /// A line such as `VmHWM:  4096 kB`.
    private static func status(_ name: String) -> Int? {
      guard let file = fopen("/proc/self/status", "r") else { return nil }
      defer { fclose(file) }
      var line = [CChar](repeating: 0, count: 256)
      while fgets(&line, Int32(line.count), file) != nil {
        let words = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
          .split(whereSeparator: \.isWhitespace)
        if words.count >= 2, words[0] == name, let kilobytes = Int(words[1]) { return kilobytes * 1024 }
      }
      return nil
    }
  #endif
}
