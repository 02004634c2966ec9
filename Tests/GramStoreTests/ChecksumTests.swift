import CVectorKernels
import GramStore
import TestSupport
import Testing

@Suite("Checksums of stores")
struct ChecksumTests {
  @Test("CRC-32C and SHA-256 of published texts")
  func published() {
    let digits = Array("123456789".utf8)
    #expect(nt_crc32c(0, digits, digits.count) == 0xe306_9283)
    #expect(SHA256.digest(of: "") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(SHA256.digest(of: "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      SHA256.digest(of: "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
        == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    #expect(
      SHA256.digest(of: String(repeating: "a", count: 1_000_000))
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test("a digest does not depend on how the bytes come")
  func pieces() {
    var numbers = TestNumbers(seed: 1)
    let bytes = (0..<1000).map { _ in UInt8(truncatingIfNeeded: numbers.bits()) }
    func digest(_ size: () -> Int) -> String {
      var (hash, position) = (SHA256(), 0)
      while position < bytes.count {
        let end = min(bytes.count, position + size())
        bytes[position..<end].withUnsafeBytes { hash.update($0) }
        position = end
      }
      return hash.finish()
    }
    let whole = digest { 1000 }
    for size in [1, 7, 63, 64, 65, 128] { #expect(digest { size } == whole) }
    #expect(digest { 1 + numbers.below(90) } == whole)
  }
}
