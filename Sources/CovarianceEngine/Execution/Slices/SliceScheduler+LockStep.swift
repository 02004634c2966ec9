/// All displacements of a node, or a band of them, before those of the next.
extension SliceScheduler {
  /// The inputs of both groups with themselves, as far as the pairs' slices need factors of them.
  mutating func addFactorStreams(isOfItself: Bool) {
    guard !isOfItself else { return }
    let uses = streams[0].uses
    let requests = graph.factorNodes
      .filter { !uses[$0].isEmpty && !graph.isAfterSum[$0] }
      .map { Request(node: $0, displacement: .zero, purpose: .factors) }
    guard !requests.isEmpty else { return }
    for subject in [SliceSchedule.Subject.first, .second] { addStream(subject, isOfItself: true, requests) }
    // Factors are made before they are read.
    streams = [streams[1], streams[2], streams[0]]
  }

  /// Computes the slices of the first nodes that the streams have uses of, and serves what is requested of them.
  ///
  /// - Parameter most: bytes of slices that are there at a time, as far as they can be cut into bands.
  mutating func goInLockStep(upTo end: Int, most: Int) {
    var requests = streams.map { Dictionary(grouping: $0.requests, by: \.node) }
    var start = 0
    let requested = streams.flatMap { $0.requests.filter { !$0.isForFactors }.map(\.node) }
    if let cut = LockStepBands(
      graph, streams.map { ($0.subject, $0.uses) }, requested: requested, upTo: end, most: most)
    {
      goInBands(cut, most: most)
      start = cut.node
    }
    for node in start..<end {
      let needed = streams.map { stream in
        stream.uses[node].sorted { $0.key < $1.key }
          .map { (SliceExtent(sizes: graph.nodes[node].sizes, index: $0.key).displacement, $0.value) }
          // The variances make the factors that the others read.
          .sorted { ($0.0 == .zero ? 0 : 1) < ($1.0 == .zero ? 0 : 1) }
      }
      if case .chain = graph.nodes[node].kind {
        chainInLockStep(node, needed)
      } else {
        for (index, slices) in needed.enumerated() {
          current = index
          for (displacement, uses) in slices where !isKept(node, displacement) {
            keep(compute(node, displacement), node, displacement, remaining: uses)
          }
        }
      }
      for index in streams.indices {
        current = index
        for request in requests[index].removeValue(forKey: node) ?? [] { serve(request) }
      }
    }
  }

  private func isKept(_ node: Int, _ displacement: PositionAxes) -> Bool {
    streams[current].kept[node][SliceExtent(sizes: graph.nodes[node].sizes, displacement: displacement).index] != nil
  }

  /// Computes the slices of a table of displacements, which are kept then, from some displacements of its operand after others.
  ///
  /// Every band goes in lock step through all nodes before the table, with the variances that its factors are made of.
  private mutating func goInBands(_ cut: LockStepBands, most: Int) {
    guard case .table(let source, let axis, let table) = graph.nodes[cut.node].kind else {
      preconditionFailure("bands of a node that mixes no displacements")
    }
    goesInBands = true
    let all = streams
    var results: [[(displacement: PositionAxes, place: Place)]] = []
    for index in streams.indices {
      current = index
      results.append(
        all[index].uses[cut.node].keys.sorted().map { key in
          let displacement = SliceExtent(sizes: graph.nodes[cut.node].sizes, index: key).displacement
          return (displacement, beginGather(cut.node, displacement))
        })
    }
    for band in cut.bands {
      for index in streams.indices {
        let factors = all[index].requests.filter { $0.node < cut.node }
        var counter = SliceUseCounter(graph)
        for request in factors { counter.visit(request.node, request.displacement) }
        for (displacement, _) in results[index] {
          for term in table.terms(of: displacement[axis]) where band.contains(term.displacement) {
            counter.visit(source, displacement.replacing(axis, with: term.displacement))
          }
        }
        (streams[index].uses, streams[index].requests) = (counter.uses, factors)
      }
      goInLockStep(upTo: cut.node, most: most)
      for index in streams.indices {
        current = index
        for (displacement, place) in results[index] {
          for term in table.terms(of: displacement[axis]) where band.contains(term.displacement) {
            add(term, cut.node, source, axis, displacement, to: place)
          }
        }
      }
    }
    for index in streams.indices {
      (streams[index].uses, streams[index].requests) = (all[index].uses, all[index].requests)
      current = index
      for (displacement, place) in results[index] {
        let key = SliceExtent(sizes: graph.nodes[cut.node].sizes, displacement: displacement).index
        keep(place, cut.node, displacement, remaining: all[index].uses[cut.node][key] ?? 1)
      }
    }
  }

  /// Takes all slices of a chain through its steps, one step after another.
  private mutating func chainInLockStep(_ node: Int, _ needed: [[(PositionAxes, Int32)]]) {
    var open: [[(place: Place, first: Int)]] = []
    for (index, slices) in needed.enumerated() {
      current = index
      open.append(slices.map { beginChain(node, $0.0) })
    }
    for step in graph.steps[node].indices {
      if graph.isInStrips(graph.steps[node][step]) {
        // All slices are taken through it together, so that no copy may come in between.
        for (index, slices) in needed.enumerated() {
          current = index
          for (slice, (displacement, _)) in slices.enumerated() where step >= open[index][slice].first {
            open[index][slice].place = owned(open[index][slice].place, node, step, displacement)
          }
        }
      }
      for (index, slices) in needed.enumerated() {
        current = index
        for (slice, (displacement, _)) in slices.enumerated() where step >= open[index][slice].first {
          open[index][slice].place = advance(open[index][slice].place, node, step, displacement)
        }
      }
    }
    for (index, slices) in needed.enumerated() {
      current = index
      for (slice, (displacement, uses)) in slices.enumerated() {
        keep(open[index][slice].place, node, displacement, remaining: uses)
      }
    }
  }
}
