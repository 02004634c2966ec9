/// A picture: what it shows, whatever draws it.
struct Figure: Sendable {
  var title: String
  var x: Axis
  var y: Axis
  var content: Content
  var legend = Legend.topLeft
  var shape = Shape.wide

  enum Content: Sendable {
    /// Drawn in order, later ones on top.
    case marks([Mark])
    case heatMap(HeatMap)
  }

  enum Legend: String, Sendable {
    case topLeft = "top left"
    case topRight = "top right"
    case bottomRight = "bottom right"
    case bottomLeft = "bottom left"
    /// Beside the axes, for many series.
    case outside = "outside right center"
  }

  enum Shape: Sendable {
    case wide, square

    /// Width and height in points.
    var size: (width: Int, height: Int) { self == .wide ? (900, 560) : (700, 640) }
  }
}

/// One axis of a figure.
struct Axis: Sendable {
  /// What is measured, with its unit.
  var label: String
  /// nil for the range of the data.
  var range: ClosedRange<Double>?
  var isLogarithmic = false
  /// Places to label instead of round numbers.
  var ticks: [Tick]?

  struct Tick: Sendable {
    var position: Double
    var label: String
  }

  init(_ label: String, range: ClosedRange<Double>? = nil, isLogarithmic: Bool = false, ticks: [Tick]? = nil) {
    self.label = label
    self.range = range
    self.isLogarithmic = isLogarithmic
    self.ticks = ticks
  }
}

/// One series of a figure.
struct Mark: Sendable {
  enum Geometry: Sendable {
    /// The area between two curves.
    case band(lower: [Double], upper: [Double])
    /// A vertical bar at each place.
    case bars(lower: [Double], upper: [Double])
    /// Filled from the horizontal axis to each value, as wide as this along the axis.
    case columns(y: [Double], width: Double)
    case line(y: [Double])
    case points(y: [Double])
    case linePoints(y: [Double])
  }

  /// nil keeps the series out of the legend.
  var label: String? = nil
  var x: [Double]
  var geometry: Geometry
  var color: Color
  var isDashed = false
}

/// A matrix shown by colour, its rows from top to bottom.
struct HeatMap: Sendable {
  var rows: [[Double]]
  var colorLabel: String
  var colorRange: ClosedRange<Double>
  /// Positions between rows (and columns) at which to draw a border: 3 is before the fourth.
  var borders: [Int] = []
}

/// Colours that stay apart for people who see colours differently.
/// *Source:* Okabe and Ito, "Color universal design" (2008).
enum Color: String, Sendable, CaseIterable {
  case blue = "#0072B2"
  case vermilion = "#D55E00"
  case green = "#009E73"
  case purple = "#CC79A7"
  case skyBlue = "#56B4E9"
  case orange = "#E69F00"
  case black = "#222222"
  case gray = "#888888"
}
