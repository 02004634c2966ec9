/// The version of the library and its program.
package enum LibraryVersion {
  package static let text = "0.1.0"
}
