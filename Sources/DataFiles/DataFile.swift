import Foundation
import Tensors

/// A file of data in any format that the library reads, recognised by what it contains and not by its name.
///
/// Tables (CSV and relatives), NPY, NPZ, IDX and CIFAR's binary batches; each of them plain or compressed with gzip or zlib,
/// in a file, a pipe, or on standard input (`-` or `/dev/stdin`). A CIFAR batch has nothing by which it could be recognised:
/// it is one when its name ends in `.bin` (or `.bin.gz`) and its size is a multiple of the record's, or when it is said,
/// with `options` or as in `data:cifar10`.
public struct DataFile: Sendable {
  /// An array of a file, and what was not read exactly.
  public struct Reading: Sendable {
    /// The array.
    public let tensor: Tensor
    /// What was rounded; empty as a rule.
    public let notes: [ReadingNote]
  }

  private enum Contents {
    case text(FileBytes)
    case npy(FileBytes)
    case npz(NpzArchive)
    case idx(FileBytes)
    case cifar(CifarBatch)
  }

  /// The file's path, without the name of an array.
  public let path: String
  /// What the file holds.
  public let format: DataFormat
  /// The array that is meant, where it was named behind a colon.
  package let part: String?
  private let contents: Contents
  private let options: ReadingOptions

  /// Opens a file and finds out its format; arrays and tables are read when asked for.
  ///
  /// - Parameters:
  ///   - name: the path, or `-`; with a colon and the name of an array, as in `data.npz:x`, that array is meant.
  ///   - options: what is known of the file.
  /// - Throws: `TensorError.file` when the file cannot be read, `TensorError.format` when it is damaged or in none of the
  ///   formats.
  public init(at name: String, options: ReadingOptions = .init()) throws(TensorError) {
    let reference = FileReference(name)
    try self.init(
      FileBytes(at: reference.path), part: reference.part, options: options)
  }

  init(_ stored: FileBytes, part: String? = nil, options: ReadingOptions = .init()) throws(TensorError) {
    let file = try stored.inflated()
    path = file.path
    self.options = options
    let named = part.flatMap { CifarBatch.Kind(rawValue: $0) }
    let recognized: DataFormat
    if let format = options.format { recognized = format } else { recognized = try Self.recognized(file, named) }
    switch recognized {
    case .table: (format, contents) = (recognized, .text(file))
    case .npy: (format, contents) = (recognized, .npy(file))
    case .npz: (format, contents) = (recognized, .npz(try Self.archive(file)))
    case .idx: (format, contents) = (recognized, .idx(file))
    case .cifar10, .cifar100:
      // Unless it is said which, the records tell.
      let kind: CifarBatch.Kind = recognized == .cifar10 ? .cifar10 : .cifar100
      let batch = try CifarBatch(file, kind: options.format != nil || named != nil ? kind : nil)
      (format, contents) = (batch.kind == .cifar10 ? .cifar10 : .cifar100, .cifar(batch))
    }
    let isCifar = recognized == .cifar10 || recognized == .cifar100
    self.part = isCifar && named != nil ? nil : part
  }

  private static func recognized(_ file: FileBytes, _ named: CifarBatch.Kind?) throws(TensorError) -> DataFormat {
    let start = [UInt8](file.bytes.prefix(8))
    if start.starts(with: NpyHeader.magic) { return .npy }
    if start.starts(with: [0x50, 0x4B, 0x03, 0x04]) || start.starts(with: [0x50, 0x4B, 0x05, 0x06]) { return .npz }
    if let named { return named == .cifar10 ? .cifar10 : .cifar100 }
    let name = file.path.lowercased()
    if name.hasSuffix(".bin") || name.hasSuffix(".bin.gz"), CifarBatch.hasSize(file.count) {
      return file.count % CifarBatch.Kind.cifar10.recordSize == 0 ? .cifar10 : .cifar100
    }
    if file.beginsLikeIdx { return .idx }
    for (magic, found) in foreign where start.starts(with: magic) {
      throw file.wrong("byte 0", expected: "a table, or an NPY, NPZ, IDX or CIFAR file", found: found)
    }
    return .table
  }

  /// What people try, by its first bytes, with a way on.
  private static let foreign: [(magic: [UInt8], found: String)] = [
    ([0x28, 0xB5, 0x2F, 0xFD], "a file compressed with zstd; unpack it first (zstd -dc)"),
    ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "a file compressed with xz; unpack it first (xz -dc)"),
    ([0x42, 0x5A, 0x68], "a file compressed with bzip2; unpack it first (bzip2 -dc)"),
    (Array("PAR1".utf8), "a Parquet file; save it as CSV or NPY"),
    ([0x89, 0x48, 0x44, 0x46], "an HDF5 file; save its arrays as NPY or NPZ"),
    ([0x89, 0x50, 0x4E, 0x47], "a PNG picture; save images as NPY"),
    ([0xFF, 0xD8, 0xFF], "a JPEG picture; save images as NPY"),
    ([0xD0, 0xCF, 0x11, 0xE0], "an old Excel workbook; save it as CSV"),
    (Array("%PDF".utf8), "a PDF document; save the table as CSV"),
    (Array("ARROW1".utf8), "an Arrow file; save it as CSV or NPY"),
    (Array("{\"".utf8), "a JSON file; save the data as CSV or NPY"),
    ([0x80, 0x02], "a Python pickle; save arrays with numpy.save"),
    ([0x80, 0x03], "a Python pickle; save arrays with numpy.save"),
    ([0x80, 0x04], "a Python pickle; save arrays with numpy.save"),
    ([0x80, 0x05], "a Python pickle; save arrays with numpy.save"),
  ]

  private static func archive(_ file: FileBytes) throws(TensorError) -> NpzArchive {
    let archive = try NpzArchive(file)
    guard !archive.names.isEmpty else {
      throw file.wrong(
        "directory", expected: "arrays, members with names ending in .npy",
        found: "none; an Excel workbook is to be saved as CSV")
    }
    return archive
  }

  /// The names of the arrays that the file holds; none for a table. One array alone has no name.
  public var arrayNames: [String] {
    switch contents {
    case .text, .npy, .idx: []
    case .npz(let archive): archive.names
    case .cifar(let batch): ["images", "labels"] + (batch.coarseLabels == nil ? [] : ["coarse_labels"])
    }
  }

  /// The file as a table. Arrays are columns by their names, `x0`, `x1`, … where a row has several elements; of a file with
  /// one nameless array, `x`.
  ///
  /// - Throws: `TensorError.format` for what is no table, as `Table(csvAt:options:)`, or has arrays with different numbers
  ///   of rows.
  public func table() throws(TensorError) -> Table {
    if case .text(let file) = contents {
      guard let part else { return try Table(csv: file, options: options) }
      throw noParts(file, part)
    }
    var arrays: [(name: String, tensor: Tensor)] = []
    var notes: [ReadingNote] = []
    let names = part.map { [$0] } ?? arrayNames
    for name in names.isEmpty ? [nil] : names.map(Optional.some) {
      let reading = try array(name)
      arrays.append((name ?? "x", reading.tensor))
      notes += reading.notes
    }
    return try Table(path: path, arrays: arrays, notes: notes)
  }

  /// One array of the file: the one named behind the colon, or `name`; without either, the only one, or a batch's images. A
  /// table whose cells are all numbers is an array of shape (rows, columns).
  ///
  /// - Throws: `TensorError.format` when there is no such array, there are several and none is named, or it is damaged.
  public func array(_ name: String? = nil) throws(TensorError) -> Reading {
    let name = name ?? part
    var notes: [ReadingNote] = []
    switch contents {
    case .text(let file):
      if let name { throw noParts(file, name) }
      let table = try numericTable(file)
      return Reading(tensor: try table.tensor(), notes: table.notes)
    case .npy(let file):
      if let name { throw noParts(file, name) }
      let tensor = try Tensor(npy: file, notes: &notes)
      return Reading(tensor: tensor, notes: notes)
    case .idx(let file):
      if let name { throw noParts(file, name) }
      return Reading(tensor: try Tensor(idx: file), notes: [])
    case .npz(let archive):
      guard let name = name ?? (archive.names.count == 1 ? archive.names[0] : nil) else {
        let names = archive.names.map { "\"\($0)\"" }.joined(separator: ", ")
        throw .format(
          path: path, place: "arrays", expected: "the name of one, as in \(path):\(archive.names[0])",
          found: "none, and the file has \(names)")
      }
      let tensor = try archive.tensor(name, notes: &notes)
      return Reading(tensor: tensor, notes: notes)
    case .cifar(let batch):
      switch (name ?? "images", batch.coarseLabels) {
      case ("images", _): return Reading(tensor: batch.images, notes: [])
      case ("labels", _): return Reading(tensor: batch.labels, notes: [])
      case ("coarse_labels", let labels?): return Reading(tensor: labels, notes: [])
      default:
        throw .format(
          path: path, place: "array \(name ?? "")",
          expected: "one of " + arrayNames.map { "\"\($0)\"" }.joined(separator: ", "), found: "no such array")
      }
    }
  }

  /// The table of a text as numbers, missing ones among them.
  ///
  /// - Throws: `TensorError.format` naming the first cell that is no number.
  package func numericTable() throws(TensorError) -> Table {
    if case .text(let file) = contents, part == nil { try numericTable(file) } else { try table() }
  }

  private func numericTable(_ file: FileBytes) throws(TensorError) -> Table {
    var options = options
    options.requiresNumbers = true
    return try Table(csv: file, options: options)
  }

  private func noParts(_ file: FileBytes, _ name: String) -> TensorError {
    let kind = format == .table ? "a table, which has columns and no arrays" : "one array, which has no name"
    return file.wrong("array \(name)", expected: "a file with named arrays", found: kind)
  }
}

extension Table {
  /// Reads a table of delimited text: CSV by RFC 4180 and its relatives.
  ///
  /// Found out, where `options` do not say it: the separator (comma, semicolon, tab, bar), the decimal mark, whether there is
  /// a header, the encoding by its mark. A column is numbers or texts; money, percent, grouped digits and dates are numbers,
  /// with a note. A column of row numbers without a name, as pandas writes it, and an empty cell at the end of every line are
  /// left out. What counts as missing, `MissingCells` says. The file may be compressed, and a stream.
  ///
  /// - Throws: `TensorError.file` when the file cannot be read; `TensorError.format` with line, column and a way on for what
  ///   is no table, or could be read in two ways.
  public init(csvAt path: String, options: ReadingOptions = .init()) throws(TensorError) {
    let file = try DataFile(at: path, options: options)
    guard file.format == .table else {
      throw .format(
        path: file.path, place: "byte 0", expected: "a table of delimited text",
        found: "\(file.format.rawValue.uppercased()) data, which DataFile reads")
    }
    self = try file.table()
  }
}
