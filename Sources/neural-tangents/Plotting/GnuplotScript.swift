import Foundation

/// The commands and the data with which gnuplot draws a figure.
struct GnuplotScript {
  private var blocks: [String] = []
  private var settings: [String] = []
  private var plots: [String] = []
  /// Names of blocks begin with it.
  private let prefix: String

  /// - Parameter panel: the figure's number among those of one script.
  init(_ figure: Figure, panel: Int = 0) {
    prefix = panel == 0 ? "data" : "panel\(panel)_"
    settings = [
      "set encoding utf8",
      "set title \(Self.quoted(figure.title))",
      "set xlabel \(Self.quoted(figure.x.label))",
      "set ylabel \(Self.quoted(figure.y.label))",
      "set border 3 linewidth 1 linecolor rgb '#444444'",
      "set tics nomirror out textcolor rgb '#222222'",
    ]
    add(figure.x, name: "x")
    add(figure.y, name: "y")
    switch figure.content {
    case .marks(let marks):
      settings.append("set grid linecolor rgb '#dddddd' linewidth 1 linetype 1")
      settings.append("set key \(figure.legend.rawValue) Left reverse samplen 2 spacing 1.25")
      if figure.shape == .square { settings.append("set size square") }
      for mark in marks { add(mark) }
    case .heatMap(let map):
      add(map)
    case .gridMap(let map):
      add(map, legend: figure.legend)
    }
  }

  /// The whole script, which draws the figure once per terminal.
  func text(terminals: [(name: String, path: String)]) -> String {
    let drawing = terminals.flatMap { terminal in
      ["set terminal \(terminal.name)", "set output \(Self.quoted(terminal.path))", plotCommand, "unset output"]
    }
    return (blocks + settings + drawing).joined(separator: "\n") + "\n"
  }

  /// A script that draws figures side by side, once per terminal.
  static func text(_ panels: Panels, terminals: [(name: String, path: String)]) -> String {
    let scripts = panels.figures.enumerated().map { GnuplotScript($1, panel: $0) }
    let rows = (scripts.count + panels.columns - 1) / panels.columns
    let layout = "set multiplot layout \(rows),\(min(panels.columns, scripts.count)) title \(quoted(panels.title))"
    var lines = scripts.flatMap(\.blocks)
    for terminal in terminals {
      lines += ["reset", "set encoding utf8", "set terminal \(terminal.name)"]
      lines += ["set output \(quoted(terminal.path))", layout]
      for script in scripts { lines += ["reset"] + script.settings + [script.plotCommand] }
      lines += ["unset multiplot", "unset output"]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The figure as one picture of an animation, whose terminal is open.
  var frame: String { (["reset"] + blocks + settings + [plotCommand]).joined(separator: "\n") }

  private var plotCommand: String { "plot " + plots.joined(separator: ", \\\n  ") }

  private mutating func add(_ axis: Axis, name: String) {
    if axis.isLogarithmic { settings.append("set logscale \(name)") }
    if let range = axis.range { settings.append("set \(name)range [\(range.lowerBound):\(range.upperBound)]") }
    if let ticks = axis.ticks {
      let list = ticks.map { "\(Self.quoted($0.label)) \($0.position)" }
      settings.append("set \(name)tics (\(list.joined(separator: ", ")))")
    }
  }

  private mutating func add(_ mark: Mark) {
    let title = mark.label.map { "title \(Self.quoted($0))" } ?? "notitle"
    let color = "linecolor rgb '\(mark.color.rawValue)'"
    let stroke = "\(color) linewidth 2.2 dashtype \(mark.isDashed ? "(7,5)" : "1")"
    switch mark.geometry {
    case .band(let lower, let upper):
      let block = addBlock(zip(mark.x, zip(lower, upper)).map { "\($0) \($1.0) \($1.1)" })
      plots.append("\(block) using 1:2:3 with filledcurves fillstyle transparent solid 0.22 noborder \(color) \(title)")
    case .bars(let lower, let upper):
      let block = addBlock(zip(mark.x, zip(lower, upper)).map { "\($0) \(($1.0 + $1.1) / 2) \($1.0) \($1.1)" })
      plots.append("\(block) using 1:2:3:4 with yerrorbars pointtype 0 \(color) linewidth 1.4 \(title)")
    case .columns(let y, let width):
      let block = addBlock(pairs(mark.x, y))
      plots.append("\(block) using 1:2:(\(width)) with boxes fillstyle solid 0.85 noborder \(color) \(title)")
    case .line(let y):
      plots.append("\(addBlock(pairs(mark.x, y))) using 1:2 with lines \(stroke) \(title)")
    case .points(let y):
      plots.append("\(addBlock(pairs(mark.x, y))) using 1:2 with points pointtype 7 pointsize 0.6 \(color) \(title)")
    case .linePoints(let y):
      plots.append(
        "\(addBlock(pairs(mark.x, y))) using 1:2 with linespoints pointtype 7 pointsize 0.7 \(stroke) \(title)")
    case .labels(let y, let texts):
      let block = addBlock(zip(mark.x, zip(y, texts)).map { "\($0) \($1.0) \"\($1.1)\"" })
      plots.append("\(block) using 1:2:3 with labels textcolor rgb '\(mark.color.rawValue)' notitle")
    }
  }

  private mutating func add(_ map: HeatMap) {
    let block = addBlock(map.rows.map { row in row.map { String(format: "%.5g", $0) }.joined(separator: " ") })
    let count = Double(map.rows.count)
    settings += [
      "set size square",
      "unset key",
      "set border 15",
      "set xrange [-0.5:\(count - 0.5)]",
      "set yrange [\(count - 0.5):-0.5]",
      "set cbrange [\(map.colorRange.lowerBound):\(map.colorRange.upperBound)]",
      "set cblabel \(Self.quoted(map.colorLabel))",
      Self.palette(.viridis),
    ]
    plots.append("\(block) matrix using 1:2:3 with image notitle")
    for border in map.borders {
      let place = Double(border) - 0.5
      let ends = "\(count - 0.5)"
      let style = "nohead front linecolor rgb '#ffffff' linewidth 0.8"
      settings.append("set arrow from \(place),-0.5 to \(place),\(ends) \(style)")
      settings.append("set arrow from -0.5,\(place) to \(ends),\(place) \(style)")
    }
  }

  private mutating func add(_ map: GridMap, legend: Figure.Legend) {
    func step(_ values: [Double]) -> Double {
      values.count > 1 ? (values[values.count - 1] - values[0]) / Double(values.count - 1) : 1
    }
    let (dx, dy) = (step(map.x), step(map.y))
    let block = addBlock(
      map.values.map { row in
        row.map { $0.isFinite ? String(format: "%.5g", $0) : "NaN" }.joined(separator: " ")
      })
    settings += [
      "set border 15",
      "set key \(legend.rawValue) Left reverse samplen 2 spacing 1.25 opaque",
      "set xrange [\(map.x[0] - dx / 2):\(map.x[map.x.count - 1] + dx / 2)] noextend",
      "set yrange [\(map.y[0] - dy / 2):\(map.y[map.y.count - 1] + dy / 2)] noextend",
      "set cbrange [\(map.colorRange.lowerBound):\(map.colorRange.upperBound)]",
      Self.palette(map.palette),
    ]
    if map.hasSquareCells { settings.append("set size ratio -1") }
    if let label = map.colorLabel {
      settings.append("set cblabel \(Self.quoted(label))")
    } else {
      settings.append("unset colorbox")
    }
    if let ticks = map.colorTicks {
      let list = ticks.map { "\(Self.quoted($0.label)) \($0.position)" }
      settings.append("set cbtics (\(list.joined(separator: ", ")))")
    }
    plots.append(
      "\(block) matrix using (\(map.x[0]) + \(dx) * $1):(\(map.y[0]) + \(dy) * $2):3 with image notitle")
    for mark in map.marks { add(mark) }
  }

  private static func palette(_ palette: GridMap.Palette) -> String {
    switch palette {
    // Viridis: lightness grows evenly, so that it also reads in grey.
    case .viridis:
      """
      set palette defined (0 '#440154', 1 '#482878', 2 '#3e4989', 3 '#31688e', 4 '#26828e', 5 '#1f9e89', 6 '#35b779', \
      7 '#6ece58', 8 '#b5de2b', 9 '#fde725')
      """
    case .ink: "set palette defined (0 '#ffffff', 1 '#000000')"
    case .diverging: "set palette defined (0 '#0072B2', 1 '#f7f7f7', 2 '#D55E00')"
    }
  }

  /// Adds a named block of data and returns its name.
  private mutating func addBlock(_ lines: [String]) -> String {
    let name = "$\(prefix)\(blocks.count)"
    blocks.append("\(name) << EOD\n\(lines.joined(separator: "\n"))\nEOD")
    return name
  }

  private func pairs(_ x: [Double], _ y: [Double]) -> [String] {
    zip(x, y).map { "\($0) \($1)" }
  }

  /// A string between single quotes, in which gnuplot interprets nothing but a doubled quote.
  static func quoted(_ text: String) -> String {
    "'" + text.replacing("'", with: "''").replacing("\n", with: " ") + "'"
  }
}
