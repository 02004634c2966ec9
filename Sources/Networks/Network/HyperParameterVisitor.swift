import CovarianceEngine
import Tensors

/// Comes to every continuous constant of a network in turn, to list or to replace it.
///
/// A layer shows its constants and the layers in it, always in the same order:
///
/// ```swift
/// public mutating func visitHyperParameters(_ visitor: inout HyperParameterVisitor) {
///   visitor.visit("gamma", &$gamma, in: { $0 > 0 }, expected: "a positive number")
/// }
/// ```
public struct HyperParameterVisitor {
  private var path: [NetworkError.PathComponent] = []
  private var replacements: IndexingIterator<[HyperParameters.Entry]>?
  /// All constants met so far, as they were.
  private(set) var entries: [HyperParameters.Entry] = []
  private(set) var failure: NetworkError?

  init(replacements: [HyperParameters.Entry]?) {
    self.replacements = replacements?.makeIterator()
  }

  /// A constant of the layer.
  ///
  /// - Parameters:
  ///   - isValid: whether the layer can have this number.
  ///   - kind: what the constant is.
  ///   - name: of the argument in network files.
  ///   - constant: shown to the visitor, which may replace it.
  ///   - expected: the values that are allowed, in words.
  public mutating func visit(
    _ name: String, _ constant: inout HyperParameter, kind: HyperParameters.Kind = .constant,
    in isValid: (Double) -> Bool = { $0.isFinite }, expected: String = "a finite number"
  ) {
    let place = NetworkError(path: path + [.name(name)], expected: expected, found: "")
    entries.append(
      HyperParameters.Entry(path: place.pathDescription, kind: kind, value: constant.asTensor))
    guard let next = replacements?.next(), failure == nil else { return }
    guard next.value.count == 1, next.value.dtype.isFloatingPoint else {
      failure = NetworkError(path: place.path, expected: "a scalar", found: "\(next.value.type)")
      return
    }
    if next.value.isTraced {
      constant = HyperParameter(next.value, insteadOf: constant.wrappedValue)
      return
    }
    let number = next.value.asType(.float64).scalar(as: Double.self)
    guard isValid(number) else {
      failure = NetworkError(path: place.path, expected: expected, found: "\(number)")
      return
    }
    constant = HyperParameter(number)
  }

  /// A constant that the layer may lack, and then has not here either.
  public mutating func visit(_ name: String, _ constant: inout HyperParameter?, kind: HyperParameters.Kind = .constant)
  {
    guard var present = constant else { return }
    visit(name, &present, kind: kind)
    constant = present
  }

  /// A layer in a list.
  public mutating func visit(index: Int, _ layer: inout any Layer) {
    visit(.index(index), &layer)
  }

  /// A layer that is an argument.
  public mutating func visit(_ name: String, _ layer: inout any Layer) {
    visit(.name(name), &layer)
  }

  mutating func visit(_ layer: inout any Layer) {
    path.append(.name(layer.nodeName))
    layer.visitHyperParameters(&self)
    path.removeLast()
  }

  private mutating func visit(_ place: NetworkError.PathComponent, _ layer: inout any Layer) {
    path.append(place)
    visit(&layer)
    path.removeLast()
  }
}
