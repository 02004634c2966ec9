import Foundation
import PackagePlugin

/// Makes Swift sources of the code blocks in README and articles before the tests of those are compiled.
@main
struct ExtractSnippets: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
    let root = context.package.directoryURL
    let pages = pages(in: root)
    let output = context.pluginWorkDirectoryURL.appending(path: "ExtractedSnippets.swift")
    return [
      .buildCommand(
        displayName: "Extracting the code blocks of \(pages.count) pages",
        executable: try context.tool(named: "extract-snippets").url,
        arguments: [root.path, output.path] + pages.map(\.path), inputFiles: pages, outputFiles: [output])
    ]
  }

  /// The pages at the top, and all in the folders of articles and examples.
  private func pages(in root: URL) -> [URL] {
    let files = FileManager.default
    var found: [URL] = []
    for name in (try? files.contentsOfDirectory(atPath: root.path)) ?? [] where name.hasSuffix(".md") {
      found.append(root.appending(path: name))
    }
    for folder in ["Sources", "Examples"] {
      // Not into the build folders of examples.
      let all = files.enumerator(
        at: root.appending(path: folder), includingPropertiesForKeys: nil, options: .skipsHiddenFiles)
      for case let url as URL in all ?? FileManager.DirectoryEnumerator() where url.pathExtension == "md" {
        found.append(url)
      }
    }
    return found.sorted { $0.path < $1.path }
  }
}
