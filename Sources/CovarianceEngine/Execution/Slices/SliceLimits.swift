/// How much memory the executor of slices takes for what it could also compute again, in bytes.
///
/// What slices may take decides in which order they are summed up, and so the last bits of sums over all of them; nothing else
/// changes a bit of the results.
package struct SliceLimits: Sendable {
  /// What a graph is compiled with.
  @TaskLocal package static var current = SliceLimits()

  /// The factors of all layers of a group of inputs, in both forms; nil for what fits the images.
  package var factors: Int?
  /// Slices that are kept while others are computed; nil for what fits the images.
  package var slices: Int?
  /// The schedules that a graph keeps.
  package var scheduleBytes = 12 << 20
  /// One schedule of a graph whose schedules are not kept.
  package var sectionBytes = 6 << 20
  /// The positions of a pair's slices from which on several threads share its work.
  package var sharedCost = 1 << 19
  /// Inputs in lanes with their factors, per thread.
  package var groupBytes = 24 << 20

  /// The factors of series at the positions of one strip; nil for some rows of large images.
  package var strips: Int?

  package init() {}

  /// Some tens of megabytes for small images; as much as a few tens of layers need for large ones.
  func factorBytes(positions: Int) -> Int { factors ?? max(16 << 20, min(96 << 20, 96 * 64 * positions)) }

  func stripBytes(positions: Int) -> Int { strips ?? max(2 << 20, min(6 << 20, 400 * positions)) }

  /// A few slices at least; as many as keep the work small that is done twice, and fewer where series take much for their
  /// factors.
  ///
  /// - Parameters:
  ///   - groupBytes: the factors of a group of inputs that are there at a time.
  ///   - isInStrips: whether the factors of series are made anew for every few slices, and are most of the work.
  func sliceBytes(positions: Int, groupBytes: Int, isInStrips: Bool) -> Int {
    if let slices { return slices }
    if isInStrips { return max(24 << 20, min(144 << 20, 144 * 64 * positions)) }
    let most = max(24 << 20, min(64 << 20, 32 * 128 * positions))
    return groupBytes > 8 << 20 ? max(10 << 20, most - 3 * groupBytes / 2) : most
  }
}
