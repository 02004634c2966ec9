import ArgumentParser

/// What `predict` chooses by leaving out rows, unless the user does.
struct ChoiceOptions: ParsableArguments {
  @Option(
    help:
      "Inputs: standardize each column, rank its numbers, none for one factor for all, or auto for the best of them.")
  var inputs = Inputs.auto

  @Option(help: "What targets are learned as: the best of these, as they are, log, sqrt or yeo-johnson.")
  var targetTransform = TargetColumn.TransformChoice.auto

  @Option(help: "Shape of errors: the better of normal and Student's t, or one of them.")
  var tails = Tails.Choice.auto

  @Option(help: "A scale for each column: fitted ones if they predict other rows better, or none.")
  var columnScales = ColumnScaleChoice.auto

  enum Inputs: String, ExpressibleByArgument, CaseIterable {
    case auto, standardize, rank, none

    /// Nil for all that suit the data.
    var scalings: [InputScaling]? {
      switch self {
      case .auto: nil
      case .standardize: [.standardize]
      case .rank: [.rank]
      case .none: [.none]
      }
    }
  }

  enum ColumnScaleChoice: String, ExpressibleByArgument, CaseIterable {
    case auto, none
  }
}

extension TargetColumn.TransformChoice: ExpressibleByArgument {}
extension Tails.Choice: ExpressibleByArgument {}
