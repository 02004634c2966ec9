import CLinearAlgebra
import CVectorKernels
import Dispatch
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Tensors

// One of the tests plays the process that sets the number of threads itself, so that none may run beside it.
@Suite("Threads of BLAS", .serialized)
struct ThreadTests {
  @Test("callers with other limits, at the same time, have the threads that they asked for")
  func callersWithOtherLimits() {
    let wrong = Mutex<[String]>([])
    var numbers = TestNumbers(seed: 1)
    let matrix = numbers.naive([96, 96], .float64).tensor(.float64)
    let definite = matmul(matrix, matrix.transposed([1, 0])) + 100 * Tensor.eye(96, dtype: .float64)
    let limits = [1, 2, 3, 1, 2]
    DispatchQueue.concurrentPerform(iterations: limits.count) { index in
      // Not by Threads.count, which other tests change meanwhile.
      let wanted = Int32(limits[index])
      for _ in 0..<50 {
        nt_blas_enter(wanted)
        defer { nt_blas_leave() }
        let before = nt_blas_threads()
        // A factorisation that enters BLAS again.
        _ = try? cholesky(definite)
        let after = nt_blas_threads()
        if before != wanted || after != wanted {
          wrong.withLock { $0.append("wanted \(wanted), found \(before) and \(after)") }
        }
      }
    }
    let found = wrong.withLock { $0 }
    #expect(found.isEmpty, "\(found.prefix(3))")
  }

  @Test("a limit holds for BLAS")
  func limitOfBLAS() {
    #expect(Threads.withLimit(1) { Threads.withThreadedBLAS { nt_blas_threads() } } == 1)
  }

  @Test("inside of work on several threads BLAS uses one")
  func insideOfRegions() {
    let counts = Mutex<Set<Int32>>([])
    Threads.forEach(8) { _ in
      Threads.withThreadedBLAS { _ = counts.withLock { $0.insert(nt_blas_threads()) } }
      Threads.withSingleThreadedBLAS { _ = counts.withLock { $0.insert(nt_blas_threads()) } }
    }
    #expect(counts.withLock { $0 } == [1])
  }

  @Test("the number of threads that the process chose for BLAS is there again after the work")
  func numberOfTheProcess() throws {
    let before = nt_blas_threads()
    nt_blas_set_threads(3)
    defer { nt_blas_set_threads(before) }
    var numbers = TestNumbers(seed: 1)
    let matrix = numbers.naive([120, 120], .float32).tensor(.float32)
    _ = try eigh(matrix + matrix.transposed([1, 0]))
    _ = matmul(matrix.transposed([1, 0]), matrix)
    _ = Threads.withLimit(1) { matmul(matrix, matrix) }
    // Other tests may be at work: between their calls the number is the one that was set.
    var isThere = false
    for _ in 0..<2000 where !isThere {
      isThere = nt_blas_threads() == 3
      if !isThere { usleep(1000) }
    }
    #expect(isThere)
  }

  @Test("a name of an instruction set is known, unknown or beyond the processor")
  func namesOfInstructionSets() {
    let best = nt_best_instruction_set()
    var set = nt_baseline
    #expect(nt_read_instruction_set(nil, &set) == nt_wish_none && set == best)
    #expect(nt_read_instruction_set("", &set) == nt_wish_none && set == best)
    #expect(nt_read_instruction_set("baseline", &set) == nt_wish_granted && set == nt_baseline)
    for name in ["AVX2", "avx", "avx2 ", "neon", "best"] {
      #expect(nt_read_instruction_set(name, &set) == nt_wish_unknown && set == best, "\(name)")
    }
    for other in [nt_avx2, nt_avx512] {
      let wish = nt_read_instruction_set(nt_instruction_set_name(other), &set)
      let isThere = other.rawValue <= best.rawValue
      #expect(wish == (isThere ? nt_wish_granted : nt_wish_beyond_processor))
      #expect(set == (isThere ? other : best))
    }
  }
}

@Suite("Products without BLAS")
struct OwnProductTests {
  @Test(
    "products with any layout, factor and row stride are sums of products",
    arguments: [[6, 16, 16], [37, 29, 53], [200, 70, 31], [300, 17, 1100], [13, 130, 64]], 0..<4)
  func products(size: [Int], layout: Int) {
    let (transposeA, transposeB) = (layout % 2 == 1, layout / 2 == 1)
    func check<Scalar: LinearAlgebraScalar>(_: Scalar.Type, tolerance: Double) {
      let (m, n, k) = (size[0], size[1], size[2])
      var numbers = TestNumbers(seed: UInt64(m))
      let a = (0..<m * k).map { _ in Scalar(numbers.uniform()) }, b = (0..<k * n).map { _ in Scalar(numbers.uniform()) }
      let ldc = n + 3
      var c = [Scalar](repeating: -7, count: m * ldc)
      OwnProducts.multiply(
        m: m, n: n, k: k, alpha: 0.25, a, .init(transpose: transposeA, leadingDimension: transposeA ? m : k), b,
        .init(transpose: transposeB, leadingDimension: transposeB ? k : n), &c, ldc: ldc)
      var worst = 0.0
      for i in 0..<m {
        for j in 0..<n {
          var sum = 0.0
          for l in 0..<k {
            sum += Double(transposeA ? a[l * m + i] : a[i * k + l]) * Double(transposeB ? b[j * k + l] : b[l * n + j])
          }
          worst = max(worst, abs(Double(c[i * ldc + j]) - sum / 4))
        }
        #expect(c[i * ldc + n..<(i + 1) * ldc].allSatisfy { $0 == -7 })
      }
      #expect(worst <= tolerance * Double(k).squareRoot())
    }
    check(Float.self, tolerance: 1e-6)
    check(Double.self, tolerance: 1e-15)
  }

  @Test(
    "triangles of products of a matrix with itself", arguments: [[16, 16], [70, 33], [401, 40]], 0..<4)
  func productsWithItself(size: [Int], layout: Int) {
    let (n, k) = (size[0], size[1])
    let (upper, columnMajor) = (layout % 2 == 1, layout / 2 == 1)
    var numbers = TestNumbers(seed: UInt64(n))
    let a = (0..<n * k).map { _ in numbers.uniform() }
    var c = [Double](repeating: 0, count: n * n)
    OwnProducts.multiplyBySelf(
      upper: upper, n: n, k: k, alpha: 2, a, .init(transpose: columnMajor, leadingDimension: columnMajor ? n : k), &c,
      ldc: n)
    var worst = 0.0
    for i in 0..<n {
      for j in upper ? i..<n : 0..<i + 1 {
        var sum = 0.0
        for l in 0..<k { sum += columnMajor ? a[l * n + i] * a[l * n + j] : a[i * k + l] * a[j * k + l] }
        worst = max(worst, abs(c[i * n + j] - 2 * sum))
      }
    }
    #expect(worst <= 1e-13)
  }
}
