/// What `PrimitiveTextTests` expects; `PRINT_PRIMITIVE_TEXTS=1` prints it.
enum PrimitiveTexts {
  static let all = #"""
    """#
}
