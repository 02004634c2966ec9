import Platform
import Synchronization

/// Who works: a machine, a process on it, and which of its workers. The name is nobody else's, and begins no number anew while the
/// machine is up, unless process numbers come again.
struct WorkerIdentity: Hashable, Sendable {
  let host: String
  let process: Int32
  let number: Int

  private static let counter = Atomic<Int>(0)

  /// The name of this machine, of letters, digits and dashes.
  static let thisHost: String = {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "unknown" }
    let name = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let letters = name.prefix(64).map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
    return letters.isEmpty ? "unknown" : String(letters)
  }()

  static func next() -> WorkerIdentity {
    WorkerIdentity(
      host: thisHost, process: getpid(), number: counter.wrappingAdd(1, ordering: .relaxed).oldValue)
  }

  init(host: String, process: Int32, number: Int) {
    (self.host, self.process, self.number) = (host, process, number)
  }

  /// `host.process.number`, the end of the names of all files of this worker.
  var name: String { "\(host).\(process).\(number)" }

  /// The worker whose file has a name that ends in its name; nil for other names.
  init?(endOf name: String) {
    let parts = name.split(separator: ".")
    guard parts.count >= 3, let process = Int32(parts[parts.count - 2]), let number = Int(parts[parts.count - 1]),
      process > 0
    else { return nil }
    self.init(host: String(parts[parts.count - 3]), process: process, number: number)
  }

  /// Whether its process has been of this machine and is no more. That it is somewhere else, or another has its number by now, only
  /// means to wait for a lease to end.
  var isGone: Bool { host == Self.thisHost && kill(process, 0) != 0 && errno == ESRCH }
}
