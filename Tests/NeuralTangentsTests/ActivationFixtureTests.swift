import Foundation
import NeuralTangents
import Tensors
import TestSupport
import Testing

@Suite("Activations: 20-digit values")
struct ActivationFixtureTests {
  struct Fixture: Decodable {
    struct Row: Decodable {
      let q11, q22, q12: Double
      let float32: Bool
      let kappa, kappaDot, diagonal1, diagonal2: String?
      let kappaSpread, kappaDotSpread: Double?
    }
    struct Entry: Decodable, CustomTestStringConvertible, Sendable {
      let activation: NodeValue
      let rows: [Row]
      var testDescription: String { activation.compact }
    }
    let activations: [Entry]
  }

  static let entries = (try? loadFixture("duals", as: Fixture.self))?.activations ?? []

  @Test("the fixture has every activation")
  func complete() {
    #expect(Self.entries.count >= 40)
  }

  // Errors are relative to √(κ(q11) κ(q22)); beyond them a result may move by what a few roundings of the inputs do.

  @Test("float64 duals are exact to 1e-12", arguments: entries)
  func float64(_ entry: Fixture.Entry) throws {
    try check(entry, entry.rows, dtype: .float64, tolerance: 1e-12, unit: 0x1p-53)
  }

  @Test("float32 duals are exact to 2e-6", arguments: entries)
  func float32(_ entry: Fixture.Entry) throws {
    // Where float32 holds neither the inputs nor the result there is nothing to compare.
    let rows = entry.rows.filter { row in
      let sizes = [row.kappa, row.kappaDot, row.diagonal1, row.diagonal2].compactMap { $0.flatMap { Double($0) } }
      return row.float32 && sizes.allSatisfy { $0 == 0 || (1e-30...1e30).contains(abs($0)) }
    }
    try check(entry, rows, dtype: .float32, tolerance: 2e-6, unit: 0x1p-24)
  }

  private func check(
    _ entry: Fixture.Entry, _ rows: [Fixture.Row], dtype: DType, tolerance: Double, unit: Double
  ) throws {
    let activation = try #require(try LayerRegistry.layer(from: entry.activation) as? any Activation)
    let covariances = rows.map { Covariance(q12: $0.q12, q11: $0.q11, q22: $0.q22) }
    let values = try activation.duals(covariances, dtype: dtype)
    let scales = try activation.scales(covariances)
    let variances = try activation.varianceDual(Tensor(rows.map(\.q11)).asType(dtype)).asType(.float64)
      .scalars(as: Double.self)
    var worst = (kappa: 0.0, kappaDot: 0.0, variance: 0.0)
    for (index, row) in rows.enumerated() {
      func compare(_ value: Double, _ text: String?, _ scale: Double, _ spread: Double?, _ what: String) -> Double {
        guard let text, let expected = Double(text) else { return 0 }
        let size = max(scale, abs(expected), 1e-290)
        let error = abs(value - expected)
        #expect(
          error <= tolerance * size + 4 * (spread ?? 0) * (unit / 0x1p-53),
          "\(what) at \(row.q11) \(row.q22) \(row.q12): \(value), expected \(expected)")
        return max(0, error - 4 * (spread ?? 0) * (unit / 0x1p-53)) / size
      }
      let scale = row.diagonal1.flatMap { d1 in
        row.diagonal2.flatMap { d2 in Double(d1)!.squareRoot() * Double(d2)!.squareRoot() }
      }
      worst.kappa = max(worst.kappa, compare(values.kappa[index], row.kappa, scale ?? 0, row.kappaSpread, "kappa"))
      worst.kappaDot = max(
        worst.kappaDot,
        compare(values.kappaDot[index], row.kappaDot, scales.kappaDot[index], row.kappaDotSpread, "kappaDot"))
      worst.variance = max(worst.variance, compare(variances[index], row.diagonal1, 0, nil, "variance"))
    }
    if TestSwitch.printErrors.isOn {
      print("accuracy \(dtype) \(entry.testDescription) \(rows.count) rows: \(worst)")
    }
  }
}
