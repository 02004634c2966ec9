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
    case gridMap(GridMap)
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
    /// For images in rows.
    case strip

    /// Width and height in points.
    var size: (width: Int, height: Int) {
      switch self {
      case .wide: (900, 560)
      case .square: (700, 640)
      case .strip: (960, 330)
      }
    }
  }
}

/// Figures that belong together, side by side in one picture.
struct Panels: Sendable {
  var title: String
  var figures: [Figure]
  var columns: Int

  /// Width and height in points.
  var size: (width: Int, height: Int) {
    let panel = figures.contains { $0.shape == .strip } ? (width: 860, height: 230) : (width: 540, height: 430)
    let rows = (figures.count + columns - 1) / columns
    return (panel.width * min(columns, figures.count), panel.height * rows + 40)
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
    /// Words at places.
    case labels(y: [Double], texts: [String])
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

/// Values over two axes, shown by colour, with curves on top.
struct GridMap: Sendable {
  enum Palette: Sendable {
    /// From dark to light.
    case viridis
    /// From white to black: ink on paper.
    case ink
    /// Blue, white in the middle of the range, red.
    case diverging
  }

  /// Centres of the cells along each axis, at equal distances.
  var x: [Double]
  var y: [Double]
  /// A row for each `y`; NaN leaves a cell empty.
  var values: [[Double]]
  /// nil: no scale of colours beside the map.
  var colorLabel: String?
  var colorRange: ClosedRange<Double>
  /// Places to label on the scale of colours instead of round numbers.
  var colorTicks: [Axis.Tick]? = nil
  var palette = Palette.viridis
  var marks: [Mark] = []
  /// Whether cells are squares.
  var hasSquareCells = false
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
  case white = "#ffffff"
}
