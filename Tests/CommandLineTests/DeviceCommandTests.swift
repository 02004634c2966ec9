import Foundation
import Tensors
import Testing

@Suite("neural-tangents with --device")
struct DeviceCommandTests {
  let scratch: ScratchDirectory
  /// Where no plugin is.
  private var nowhere: [String: String] {
    ["NEURAL_TANGENTS_PJRT_PLUGIN": "", "HOME": scratch.url.path, "PATH": "", "VIRTUAL_ENV": "", "CONDA_PREFIX": ""]
  }

  init() throws {
    scratch = try ScratchDirectory()
    try scratch.write(
      #"{"serial": [{"dense": {"width": 4}}, {"relu": {}}, {"dense": {"width": 1}}]}"#, to: "network.json")
    try Tensor.ones([3, 2]).writeNpy(to: scratch.path("x.npy"))
  }

  private func kernel(_ device: String, _ environment: [String: String]) throws -> Program.Outcome {
    try Program.run(
      [
        "kernel", scratch.path("network.json"), "--x1", scratch.path("x.npy"), "--output", scratch.path("k.npz"),
        "--device", device,
      ], environment: environment)
  }

  @Test("a device that is none is an error of usage, with what would be one")
  func names() throws {
    for name in ["gpu", "cuda:x", ""] {
      let outcome = try kernel(name, nowhere)
      #expect(outcome.status == 64)
      #expect(outcome.errors.contains("expected cpu, cuda or tpu, with a number as in cuda:0"), "\(outcome.errors)")
    }
  }

  @Test("without a plugin the places that were looked at are named, and what to do")
  func noPlugin() throws {
    let outcome = try kernel("cuda:0", nowhere)
    #expect(outcome.status == 70)
    let folder = scratch.url.path + "/.local/share/neural-tangents/plugins"
    #expect(
      outcome.errors.contains(
        "device cuda:0: no plugin found in \(folder); run make accelerator or set NEURAL_TANGENTS_PJRT_PLUGIN"),
      "\(outcome.errors)")
    #expect(!FileManager.default.fileExists(atPath: scratch.path("k.npz")))
  }

  @Test("a file that is no plugin is named")
  func noFile() throws {
    let outcome = try kernel("cuda:0", ["NEURAL_TANGENTS_PJRT_PLUGIN": scratch.path("x.npy")])
    #expect(outcome.status == 70)
    #expect(outcome.errors.contains("x.npy"), "\(outcome.errors)")
  }

  @Test("info says that there is no device where there is none")
  func info() throws {
    let outcome = try Program.run(["info"], environment: nowhere)
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("device          no plugin installed (make accelerator)"), "\(outcome.output)")
  }

  /// Where `make accelerator DEVICE=cpu` was called.
  private static let hasPlugin: Bool = {
    let outcome = try? Program.run(["info"], environment: ["TF_CPP_MIN_LOG_LEVEL": "3"])
    let found = outcome?.output.contains("cpu:0") ?? false
    if !found { print("skipped: commands on devices: no plugin; make accelerator DEVICE=cpu") }
    return found
  }()

  @Test("kernels and stores are computed on devices", .enabled(if: hasPlugin))
  func devices() throws {
    for device in ["cpu:0", "cpu:0,cpu:1", "cpu"] {
      let outcome = try kernel(device, [:])
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("nngp, 3x3"))
    }
    let store = scratch.path("store.zarr")
    let created = try Program.run(
      ["gram", "create", store, scratch.path("network.json"), "--x1", scratch.path("x.npy")])
    #expect(created.status == 0, "\(created.errors)")
    let run = try Program.run(["gram", "run", store, "--device", "cpu:0"])
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("all 1 tile"))
  }
}
