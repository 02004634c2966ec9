import CVectorKernels
import Foundation
import Testing

@Suite("help")
struct HelpTests {
  static let subcommands = ["kernel", "gram", "empirical", "predict", "fit", "describe", "demo", "benchmark", "info"]

  @Test("every subcommand explains itself with examples", arguments: subcommands)
  func subcommandHelp(_ name: String) throws {
    let outcome = try Program.run([name, "--help"])
    #expect(outcome.status == 0 && outcome.errors.isEmpty)
    #expect(outcome.output.contains("EXAMPLES") && outcome.output.contains("neural-tangents \(name)"))
    #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test("every subcommand of gram does, too", arguments: ["create", "run", "status", "verify", "export"])
  func gramHelp(_ name: String) throws {
    let outcome = try Program.run(["gram", name, "--help"])
    #expect(outcome.status == 0 && outcome.errors.isEmpty)
    #expect(outcome.output.contains("EXAMPLES") && outcome.output.contains("neural-tangents gram \(name)"))
    #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test("the program lists its subcommands and exit statuses")
  func help() throws {
    let outcome = try Program.run([])
    #expect(outcome.status == 0)
    for word in Self.subcommands + ["EXIT STATUS", "64", "65", "66", "70", "73"] {
      #expect(outcome.output.contains(word))
    }
  }

  @Test("the version is a version")
  func version() throws {
    let outcome = try Program.run(["--version"])
    #expect(outcome.status == 0)
    #expect(outcome.output.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil)
  }

  @Test("completion scripts name the subcommands", arguments: ["bash", "zsh", "fish"])
  func completion(_ shell: String) throws {
    let outcome = try Program.run(["--generate-completion-script", shell])
    #expect(outcome.status == 0)
    for name in Self.subcommands { #expect(outcome.output.contains(name)) }
  }

  @Test("info names the instruction set that the environment asks for")
  func info() throws {
    let usual = try Program.run(["info"])
    #expect(usual.status == 0)
    for word in ["version", "processors", "threads", "memory", "linear algebra"] {
      #expect(usual.output.contains(word))
    }
    let baseline = try Program.run(["info"], environment: ["NEURAL_TANGENTS_ISA": "baseline"])
    let line = try #require(baseline.output.split(separator: "\n").first { $0.hasPrefix("instruction set") })
    #expect(line.contains("baseline (best here"))
  }

  @Test("an instruction set that is unknown or beyond the processor stops the program")
  func instructionSetMistakes() throws {
    for name in ["avx1024", "AVX2", "neon", "avx2 "] {
      for command in [["info"], ["describe", "myrtle5", "--input", "8,8,3"]] {
        let outcome = try Program.run(command, environment: ["NEURAL_TANGENTS_ISA": name])
        #expect(outcome.status == 64 && outcome.output.isEmpty)
        #expect(
          outcome.errors
            == "error: NEURAL_TANGENTS_ISA: expected baseline, avx2 or avx512, found \"\(name)\"\n")
      }
    }
    let best = nt_best_instruction_set()
    for set in [nt_avx2, nt_avx512] where set.rawValue > best.rawValue {
      let name = String(cString: nt_instruction_set_name(set))
      let outcome = try Program.run(["info"], environment: ["NEURAL_TANGENTS_ISA": name])
      #expect(outcome.status == 64 && outcome.errors.contains("this processor does not have \(name); its best is"))
    }
    #expect(try Program.run(["info"], environment: ["NEURAL_TANGENTS_ISA": ""]).status == 0)
  }

  #if os(Linux)
    @Test("info says which loops BLAS runs, and why")
    func linearAlgebra() throws {
      func line(_ core: String) throws -> (line: Substring, errors: String) {
        let outcome = try Program.run(["info"], environment: ["OPENBLAS_CORETYPE": core])
        let line = try #require(outcome.output.split(separator: "\n").first { $0.hasPrefix("linear algebra") })
        return (line, outcome.errors)
      }
      let (usual, nothing) = try line("")
      #expect(usual.contains(/OpenBLAS [0-9.]+(dev)? with the loops for \w+/) && nothing.isEmpty)
      #if arch(x86_64)
        #expect(try line("Prescott").line.hasSuffix("with the loops for Prescott, as OPENBLAS_CORETYPE asks"))
        let (other, warning) = try line("Pentium")
        #expect(other.contains("with the loops for") && warning.contains("OPENBLAS_CORETYPE: expected a core"))
      #endif
    }
  #endif

  @Test("an unknown subcommand is an error")
  func unknownSubcommand() throws {
    let outcome = try Program.run(["fly"])
    #expect(outcome.status == 64)
    #expect(outcome.errors.hasPrefix("error: ") && outcome.errors.contains("fly"))
  }
}
