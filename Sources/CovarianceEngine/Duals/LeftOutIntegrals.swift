/// Programs of duals for somebody who sees himself to entries that take many operations, such as devices.
///
/// What a program computes, it computes for every entry, needed or not: integrals for a few entries of large variance or
/// near correlation one would be hundreds of nodes for all of them.
package enum LeftOutIntegrals {
  @TaskLocal private static var areWanted = false

  /// Whether entries that take more than the usual may be NaN in what is being traced.
  package static var isTracing: Bool { areWanted }

  /// Calls `body`; programs that are traced in it have NaN where series do not converge, or variances are too large for a rule
  /// of few nodes.
  package static func tracing<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try $areWanted.withValue(true) { () -> Swift.Result<Result, Failure> in
      do throws(Failure) {
        return .success(try body())
      } catch {
        return .failure(error)
      }
    }.get()
  }
}
