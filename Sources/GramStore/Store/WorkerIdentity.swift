import Platform
import Tensors

/// Who works: a machine, a process on it, and a number that none of its other workers has, nor one of a process that had its number
/// before.
struct WorkerIdentity: Hashable, Sendable {
  let host: String
  let process: Int32
  let number: UInt32

  /// The numbers of this process's workers.
  private static let own = Guarded<Set<UInt32>>([])

  /// The name of this machine, or of the container in which processes have the numbers that they have here; of letters, digits and
  /// dashes.
  static let thisHost: String = {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "unknown" }
    var name = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let count = readlink("/proc/self/ns/pid", &buffer, buffer.count)
    if count > 0 {
      let text = String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      let namespace = text.filter(\.isNumber)
      // The first one of every machine.
      if namespace != "4026531836" { name = name.prefix(50) + "-" + namespace }
    }
    let letters = name.prefix(64).map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
    return letters.isEmpty ? "unknown" : String(letters)
  }()

  static func next() -> WorkerIdentity {
    let number = UInt32.random(in: 0 ... .max)
    own.withLock { _ = $0.insert(number) }
    return WorkerIdentity(host: thisHost, process: getpid(), number: number)
  }

  init(host: String, process: Int32, number: UInt32) {
    (self.host, self.process, self.number) = (host, process, number)
  }

  /// `host.process.number`, the end of the names of all files of this worker.
  var name: String { "\(host).\(process).\(number)" }

  /// The worker whose file has a name that ends in its name; nil for other names.
  init?(endOf name: String) {
    let parts = name.split(separator: ".")
    guard parts.count >= 3, let process = Int32(parts[parts.count - 2]), let number = UInt32(parts[parts.count - 1]),
      process > 0
    else { return nil }
    self.init(host: String(parts[parts.count - 3]), process: process, number: number)
  }

  /// Whether its process has been of this machine and is no more. That it is somewhere else, or another has its number by now, only
  /// means to wait for a lease to end.
  var isGone: Bool {
    guard host == Self.thisHost else { return false }
    if process == getpid() { return Self.own.withLock { !$0.contains(number) } }
    return kill(process, 0) != 0 && errno == ESRCH
  }
}
