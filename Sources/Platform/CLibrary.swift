// Names of the C library for the modules above: elementary functions, files and what the system tells. They do not import
// Foundation, which a program that links the package as one file would have to carry whole.
#if canImport(Darwin)
  @_exported import Darwin
#elseif canImport(Musl)
  @_exported import Musl
#elseif canImport(Bionic)
  @_exported import Bionic
#else
  @_exported import Glibc
#endif
