import DataFiles
import NeuralTangents
import Tensors

/// What a command learns from or predicts: rows from one file or two, and what of them the targets are.
struct DataSource {
  let rows: DataRows
  /// The columns to predict; those of rows to predict may be missing.
  let targets: [String]
  /// For tables that are to be read like this one.
  private let reading: ReadingOptions

  /// The name of targets that have none.
  private static let targetName = "target"

  /// Rows to learn from.
  ///
  /// - Throws: `CommandError` where it is not clear what is to be predicted.
  init(training name: String, _ learning: LearningOptions, reading: ReadingOptions) throws {
    try self.init(name, learning, targetsAt: learning.trainTargets, reading: reading, like: nil)
  }

  /// Rows to learn from, or to predict like `training`, whose inputs a store has.
  ///
  /// - Parameters:
  ///   - name: of the store.
  ///   - targetsName: of the file with their targets; nil for none.
  init(
    stored name: String, _ inputs: Tensor, _ learning: LearningOptions, targetsAt targetsName: String?,
    reading: ReadingOptions, like training: DataSource? = nil
  ) throws {
    self.reading = reading
    let table = Table(path: name, rowCount: inputs.shape[0])
    guard let targetsName else {
      rows = DataRows(table, array: inputs)
      targets = training?.targets ?? []
      return
    }
    let labels = try Self.targets(at: targetsName, reading)
    guard labels.rowCount == inputs.shape[0] else {
      throw CommandError.badData(
        "\(targetsName): expected a target for each of the \(inputs.shape[0]) rows of \(name), found \(labels.rowCount)"
      )
    }
    targets = try Self.names(learning.target, of: labels, training)
    rows = DataRows(try table.joined(with: labels), array: inputs)
  }

  /// Rows to predict, like `training`.
  init(testing name: String, _ learning: LearningOptions, like training: DataSource) throws {
    try self.init(
      name, learning, targetsAt: learning.testTargets, reading: training.reading.matching(training.rows.table),
      like: training)
  }

  private init(
    _ name: String, _ learning: LearningOptions, targetsAt targetsName: String?, reading: ReadingOptions,
    like training: DataSource?
  ) throws {
    self.reading = reading
    let file = try InputFiles.dataFile(at: name, options: reading)
    let isArray = training.map { $0.rows.array != nil }
    // Inputs and targets in files of their own.
    if let targetsName {
      let labels = try Self.targets(at: targetsName, reading)
      let names = try Self.names(learning.target, of: labels, training)
      let inputs = try Self.inputs(file, learning, isArray: isArray, excluding: [])
      rows = DataRows(try inputs.table.joined(with: labels), array: inputs.array)
      targets = names
      return
    }
    let choice = learning.target ?? (file.hasImages ? "labels" : nil)
    guard let target = training.map({ _ in choice ?? "" }) ?? choice else {
      throw CommandError.usage("expected --target with the columns to predict, or --train-targets with their file")
    }
    switch file.format {
    case .npz, .cifar10, .cifar100:
      let names = training?.targets ?? ColumnNames(target).names
      let arrays = ColumnNames(target).names
      let inputs = try Self.inputs(file, learning, isArray: isArray, excluding: arrays)
      let own = file.part == nil ? file.arrayNames.filter(arrays.contains) : []
      if inputs.array != nil, !own.isEmpty {
        let arrays = try own.map { ($0, try file.array($0).tensor) }
        rows = DataRows(try inputs.table.joined(with: Table(path: file.path, named: arrays)), array: inputs.array)
      } else {
        rows = inputs
      }
      // A target array with several numbers per row is as many columns.
      let table = rows.table
      targets =
        training?.targets
        ?? names.flatMap { name in
          let columns = table.names.filter { $0.hasPrefix(name) && Int($0.dropFirst(name.count)) != nil }
          return table.hasColumn(name) || columns.isEmpty ? [name] : columns
        }
    case .table, .npy, .idx:
      let table = try InputFiles.table(of: file)
      let names = training?.targets ?? ColumnNames(target).resolved(in: table)
      let isShaped = isArray ?? (learning.inputShape != nil)
      rows = isShaped ? try Self.shaped(table, learning, targets: names) : DataRows(table)
      targets = names
    }
  }

  /// The inputs of a file, without the arrays or columns that are targets.
  private static func inputs(
    _ file: DataFile, _ learning: LearningOptions, isArray: Bool?, excluding targets: [String]
  ) throws -> DataRows {
    var name: String?
    switch file.format {
    case .table:
      let table = try InputFiles.table(of: file)
      return isArray ?? (learning.inputShape != nil) ? try shaped(table, learning, targets: []) : DataRows(table)
    case .npz:
      let ignored = Set(learning.ignore.map { ColumnNames($0).names } ?? [])
      let others = file.arrayNames.filter { !targets.contains($0) && !ignored.contains($0) }
      // Several arrays are columns of a table.
      guard others.count == 1 || file.part != nil else { return DataRows(try InputFiles.table(of: file)) }
      name = file.part == nil ? others[0] : nil
    case .cifar10, .cifar100, .npy, .idx: break
    }
    let reading = try file.array(name)
    InputFiles.say(reading.notes)
    guard let count = reading.tensor.shape.first, count > 0 else {
      throw CommandError.badData("\(file.path): expected at least one row, found shape \(reading.tensor.shape)")
    }
    guard reading.tensor.rank > 2 || learning.inputShape != nil || isArray == true else {
      // Numbers without positions are columns, as those of a table.
      let arrays = [(name ?? "x", reading.tensor)]
      let own = targets.filter { file.arrayNames.contains($0) }
      let more = try own.map { ($0, try file.array($0).tensor) }
      return DataRows(try Table(path: file.path, named: arrays + more))
    }
    try reading.tensor.asType(.float64).requireFinite(context: file.path)
    return DataRows(Table(path: file.path, rowCount: count), array: reading.tensor)
  }

  /// A table's columns of numbers, but for targets and those that are ignored, as one array.
  private static func shaped(_ table: Table, _ learning: LearningOptions, targets: [String]) throws -> DataRows {
    let others = learning.ignored(in: table).union(targets)
    let names = table.names.filter { !others.contains($0) }
    guard !names.isEmpty else {
      throw CommandError.badData("\(table.path): expected columns that are inputs, found none")
    }
    let columns = try names.map { try TableColumn(table, $0).numbers("a number, as --input-shape needs") }
    let array = Tensor(columns.flatMap { $0 }, shape: [names.count, table.rowCount]).transposed()
    return DataRows(table, array: array)
  }

  /// Targets in a file of their own: the columns of a table, or an array of one or two axes.
  private static func targets(at name: String, _ reading: ReadingOptions) throws -> Table {
    let file = try InputFiles.dataFile(at: name, options: reading)
    if file.format == .table { return try InputFiles.table(of: file) }
    let part = file.part == nil && file.hasImages ? "labels" : nil
    let array = try file.array(part)
    InputFiles.say(array.notes)
    guard (1...2).contains(array.tensor.rank), array.tensor.count > 0 else {
      throw CommandError.badData(
        "\(name): expected targets of shape (rows) or (rows, targets), found \(array.tensor.shape)")
    }
    let isColumn = array.tensor.rank == 2 && array.tensor.shape[1] == 1
    return try Table(
      path: file.path,
      named: [(targetName, isColumn ? array.tensor.reshaped([array.tensor.shape[0]]) : array.tensor)])
  }

  private static func names(_ target: String?, of labels: Table, _ training: DataSource?) throws -> [String] {
    if let training { return training.targets }
    guard let target else { return labels.names }
    let names = ColumnNames(target).resolved(in: labels)
    // What an array holds has no name of its own.
    return labels.names == [targetName] && names.count == 1 ? labels.names : names
  }
}

extension DataFile {
  fileprivate var hasImages: Bool { format == .cifar10 || format == .cifar100 }
}
