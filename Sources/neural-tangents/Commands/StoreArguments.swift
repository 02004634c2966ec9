import ArgumentParser
import Clusters
import Foundation
import GramStore
import Inference
import NeuralTangents
import Platform

/// Where `predict` finds kernels that are computed already, and the processes that work for it.
struct StoreArguments: ParsableArguments {
  @Option(
    help: .init(
      "Store with the kernel of the rows to learn from, made by gram create and gram run; needs --train-targets.",
      valueName: "store"),
    completion: .directory)
  var store: String?

  @Option(
    help: .init(
      "Store with the kernel of the rows to predict and those of --store, in place of --test.", valueName: "store"),
    completion: .directory)
  var testStore: String?

  @Flag(help: "Start MPI even where no mpirun has started this process.")
  var mpi = false

  func validate() throws {
    if testStore != nil, store == nil { throw ValidationError("--test-store: expected --store with it, found none") }
    if mpi, store == nil { throw ValidationError("--mpi: expected --store with it, found none") }
  }

  /// The processes that this one works with; nil where it is alone, as it is without `mpirun`.
  func cluster() throws -> MPICluster? {
    let launched = MPICluster.launchedCount
    guard launched > 1 || MPICluster.isLaunched || mpi else { return nil }
    guard MPICluster.isBuilt else {
      if launched == 1, !mpi { return nil }
      throw CommandError.usage("this program was built without MPI; `swift build --traits MPI` builds it with it")
    }
    guard store != nil else {
      if launched == 1 { return nil }
      throw CommandError.usage("expected --store where mpirun starts \(launched) processes, found none")
    }
    do {
      return try MPICluster.start()
    } catch {
      throw CommandError.internalFailure(error.description)
    }
  }

  /// Opens the stores and compares them with each other and with what else is named.
  ///
  /// - Parameters:
  ///   - network: that the store must have been made for; nil for any.
  ///   - team: the processes that read the store together; nil for this one alone.
  func open(network: (any Layer)?, method: Recipe.Method, team: ClusterTeam?) throws -> StoredKernels? {
    guard let store else { return nil }
    let training = try GramStore.openForCommand(store)
    try training.require(network: network)
    let test = try testStore.map { try GramStore.openForCommand($0) }
    let kernels = StoredKernels(training: training, test: test, team: team)
    for kernel in kernels.needed(by: method) { _ = try training.matrix(kernel) }
    try training.requireComplete()
    if let test {
      try test.requireRows(for: training)
      for kernel in kernels.needed(by: method) where !test.kernels.contains(kernel) {
        throw CommandError.badData(
          "\(test.path): expected a store with \(kernel.rawValue), as \(method.rawValue) needs")
      }
      try test.requireComplete()
    }
    return kernels
  }

  /// Runs `body` here, or in the first of several processes while the others work for it and say nothing.
  func run(_ body: (ClusterTeam?) throws -> Void) throws {
    guard let cluster = try cluster() else { return try body(nil) }
    defer { cluster.stop() }
    let path = store ?? ""
    do {
      _ = try withTeam(
        of: cluster, matrices: { try StoredKernels.matrix($0, of: GramStore.open(at: path)) }, { try body($0) })
    } catch  where !cluster.leads {
      // The others wait for this process, which cannot go on.
      StandardError.write("error: process \(cluster.rank): \(error)\n")
      cluster.abort(status: CommandError.Status.internalFailure.rawValue)
    }
  }
}
