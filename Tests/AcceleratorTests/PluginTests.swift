import Foundation
import TestSupport
import Testing

@testable import Accelerator
@testable import Tensors

@Suite("Plugins", .serialized)
struct PluginTests {
  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "nothing was thrown"
    } catch {
      return "\(error)"
    }
  }

  @Test(
    "the name of a device is a platform with or without a number",
    arguments: ["", "gpu", "cuda:", "cuda:x", "cpu:-1", "cuda:0:1"])
  func names(name: String) {
    #expect(throws: DeviceError.name(name)) { try Device.named(name) }
    #expect(message { _ = try Device.named(name) }.contains("expected cpu, cuda or tpu, with a number as in cuda:0"))
  }

  @Test("a file that is no library, and a library that is no plugin, are errors that say so")
  func files() throws {
    let text = FileManager.default.temporaryDirectory.appendingPathComponent("no-plugin-\(UUID().uuidString).so")
    try Data("not a library".utf8).write(to: text)
    defer { try? FileManager.default.removeItem(at: text) }
    #expect(message { _ = try Device.named("cuda:0", plugin: text.path) }.contains(text.path))
    #expect(message { _ = try Device.named("cuda:0", plugin: "/nowhere/x.so") }.contains("/nowhere/x.so"))
    #if os(Linux)
      #expect(
        message { _ = try Device.named("cuda:0", plugin: "libm.so.6") } == "libm.so.6 exports no GetPjrtApi")
    #endif
  }

  @Test("an old plugin and one without devices are errors that say what is needed")
  func doubles() throws {
    guard let old = try DoublePlugin("old", ["OLD"]), let bare = try DoublePlugin("bare", ["NO_DEVICE"]) else { return }
    #expect(
      message { _ = try Device.named("cuda:0", plugin: old.path) }
        == "\(old.path): plugin speaks PJRT 0.54, 0.81 or later needed")
    #expect(
      message { _ = try Device.named("cuda:0", plugin: bare.path) }
        == "device cuda:0: the plugin finds no CUDA device (driver ≥ 580 for cuda13): No visible GPU devices.")
    #expect(
      message { _ = try Device.all("tpu", plugin: bare.path) }
        == "device tpu: the plugin finds no TPU device: No visible GPU devices.")
  }

  @Test("without a plugin the places that were looked at are named, and what to do")
  func noPlugin() {
    let error = DeviceError.noPlugin(device: "cuda:0", searched: ["/a", "/b"])
    #expect(
      "\(error)"
        == "device cuda:0: no plugin found in /a, /b; run make accelerator or set NEURAL_TANGENTS_PJRT_PLUGIN")
  }

  @Test("options of the compiler are the bytes that XLA reads")
  func options() {
    #expect(
      CompileOptions.bytes(device: 5, platform: "cuda") == [
        0x1a, 0x0f, 0x20, 1, 0x28, 1, 0x4a, 9, 8, 1, 0x10, 1, 0x1a, 3, 0x0a, 1, 5,
      ])
    #expect(CompileOptions.anyDevice == [0x1a, 4, 0x20, 1, 0x28, 1])
    // A number of two bytes.
    #expect(CompileOptions.bytes(device: 300, platform: "cuda").suffix(4) == [0x0a, 2, 0xac, 2])
  }

  @Test("a device says what it is, and a plugin's devices are counted", .enabled(if: TestPlugins.isThere))
  func description() throws {
    for (_, path) in TestPlugins.paths {
      let devices = try Device.all("cpu", plugin: path)
      #expect(devices.count >= 1)
      #expect(devices[0].name == "cpu:0" && !devices[0].kind.isEmpty)
      #expect(devices[0].pluginDescription.contains("PJRT 0."))
      #expect(try Device.named("cpu", plugin: path) === devices[0])
      #expect(
        message { _ = try Device.named("cpu:999", plugin: path) }.hasPrefix("device cpu:999: expected cpu:0"))
      #expect(
        message { _ = try Device.named("cuda:0", plugin: path) }.hasPrefix("device cuda:0: "))
    }
  }

  @Test("tensors come back from a device as they went", .enabled(if: TestPlugins.isThere))
  func transfer() throws {
    var numbers = TestNumbers(seed: 1)
    for device in try TestPlugins.devices() {
      for shape in [[], [3], [2, 0], [4, 5, 3], [1, 1]] {
        let tensors = [
          numbers.real(shape), numbers.real(shape).asType(.float32), numbers.integers(shape, -9, 9),
          numbers.bools(shape),
        ]
        for tensor in tensors {
          let there = try DeviceTensor(tensor, on: device)
          #expect(there.type == tensor.type)
          #expect(try there.download().storage.hasSameBytes(as: tensor.storage) || tensor.count == 0)
        }
      }
    }
  }

  @Test("programs are kept while there are few of them and their texts are short")
  func recent() {
    var recent = RecentPrograms<Int>()
    for index in 0..<100 { recent.add(index, "program \(index)") }
    #expect(recent.count == 64)
    #expect(recent.program("program 99") == 99 && recent.program("program 36") == 36)
    #expect(recent.program("program 35") == nil)
    func long(_ letter: Character) -> String { String(repeating: letter, count: 900_000) }
    for letter: Character in "abc" { recent.add(0, long(letter)) }
    #expect(recent.count == 2 && recent.byteCount == 1_800_000)
    #expect(recent.program(long("a")) == nil && recent.program(long("c")) == 0)
    // One that is too large alone, and again.
    let largest = String(repeating: "d", count: 3_000_000)
    recent.add(1, largest)
    recent.add(2, largest)
    #expect(recent.count == 1 && recent.byteCount == 3_000_000 && recent.program(largest) == 2)
  }

  @Test("devices of the maker of TPUs are seen without a plugin")
  func tensorProcessors() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pci-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(!TensorProcessors.areThere(in: folder.path))
    for (name, vendor) in [("0000:00:00.0", "0x8086\n"), ("0000:00:01.0", "0x1af4\n"), ("0000:00:02.0", "")] {
      let device = folder.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: device, withIntermediateDirectories: true)
      try Data(vendor.utf8).write(to: device.appendingPathComponent("vendor"))
    }
    #expect(!TensorProcessors.areThere(in: folder.path))
    let device = folder.appendingPathComponent("0000:00:04.0")
    try FileManager.default.createDirectory(at: device, withIntermediateDirectories: true)
    try Data("0x1ae0\n".utf8).write(to: device.appendingPathComponent("vendor"))
    #expect(TensorProcessors.areThere(in: folder.path))
  }

  @Test("a module that does not parse is an error with the plugin's words", .enabled(if: TestPlugins.isThere))
  func module() throws {
    let device = try TestPlugins.device()
    #expect(message { _ = try LoadedProgram("module { func.func", on: device) }.hasPrefix("device cpu:0: code "))
  }

  @Test(
    "too little memory on a device is an error that says how much and what to do", .enabled(if: TestPlugins.isThere))
  func memory() throws {
    guard
      let double = try DoublePlugin("memory", ["BEHIND=\"\(TestPlugins.paths[0].path)\"", "LIMIT=1000000"])
    else { return }
    let device = try Device.named("cpu:0", plugin: double.path)
    let twice = compile({ (x: Tensor) in x + x }, device: device)
    #expect(try twice(Tensor([1.0, 2.0])).scalars(as: Double.self) == [2, 4])
    #expect(
      message { _ = try twice(.zeros([500_000])) }
        == "device cpu:0: out of device memory: 2.0 MB needed; reduce the inputs, the batch or the tile size")
    #expect(
      message { _ = try device.run { try compile { (x: Tensor) in x * x }(.zeros([500_000])) } }
        == "device cpu:0: out of device memory: 2.0 MB needed; reduce the inputs, the batch or the tile size")
  }
}
