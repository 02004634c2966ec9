import Foundation
func measure(_ row: Row) throws -> Measurement { Measurement(name: "", seconds_best: 0, seconds_median: 0, peak_bytes: 0, checksum: []) }
