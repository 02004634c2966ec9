import Foundation

/// `value` with `digits` decimals.
func format(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

/// `1 row`, `2 rows`.
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

/// `value` with four digits, without an exponent for ordinary sizes.
func significant(_ value: Double) -> String { String(format: "%.4g", value) }
