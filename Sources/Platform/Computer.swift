/// What the system says of the machine.
package enum Computer {
  /// Processors that this process may run on, at least 1.
  package static var processorCount: Int {
    #if os(Linux)
      if let count = allowedProcessorCount { return count }
    #endif
    return max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }

  #if os(Linux)
    /// By `sched_getaffinity`, which Swift does not import.
    private static var allowedProcessorCount: Int? {
      guard let symbol = dlsym(nil, "sched_getaffinity") else { return nil }
      typealias Function = @convention(c) (pid_t, Int, UnsafeMutableRawPointer) -> Int32
      // A bit for each of 8192 processors.
      var mask = [UInt64](repeating: 0, count: 128)
      let status = mask.withUnsafeMutableBytes { bytes in
        bytes.baseAddress.map { unsafeBitCast(symbol, to: Function.self)(0, bytes.count, $0) } ?? -1
      }
      let count = mask.reduce(0) { $0 + $1.nonzeroBitCount }
      return status == 0 && count > 0 ? count : nil
    }
  #endif

  /// Bytes of memory that are built in.
  package static var physicalMemory: Int {
    #if canImport(Darwin)
      var bytes: UInt64 = 0
      var size = MemoryLayout<UInt64>.size
      return sysctlbyname("hw.memsize", &bytes, &size, nil, 0) == 0 ? Int(clamping: bytes) : .max
    #else
      let (pages, size) = (sysconf(Int32(_SC_PHYS_PAGES)), sysconf(Int32(_SC_PAGESIZE)))
      return pages > 0 && size > 0 ? Int(pages) * Int(size) : .max
    #endif
  }
}
