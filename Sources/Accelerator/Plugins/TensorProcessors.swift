import Platform

/// TPUs of this machine, as far as they can be seen without their plugin.
enum TensorProcessors {
  /// Google's number among the makers of PCI devices.
  private static let maker = "0x1ae0"

  /// Where there is no device of Google's, the plugin is told not to ask the network of Google's cloud for one: elsewhere it
  /// asks for minutes. Whoever sets the variable decides.
  static func prepare() {
    if !areThere(in: "/sys/bus/pci/devices") { setenv("TPU_SKIP_MDS_QUERY", "1", 0) }
  }

  /// - Parameter folder: that of the system with one folder for each PCI device.
  static func areThere(in folder: String) -> Bool {
    guard let directory = opendir(folder) else { return false }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: entry.pointee.d_name)) {
          String(cString: $0)
        }
      }
      guard let file = fopen("\(folder)/\(name)/vendor", "r") else { continue }
      defer { fclose(file) }
      var text = [UInt8](repeating: 0, count: 16)
      let count = fread(&text, 1, text.count, file)
      if String(decoding: text[..<count], as: UTF8.self).hasPrefix(maker) { return true }
    }
    return false
  }
}
