import NeuralTangents
import Tensors
import Testing

@Suite("Activations: numbers printed by the Python library")
struct ActivationGoldenTests {
  // κ, κ̇ and the variance dual at q12 = −0.6, q11 = 0.9, q22 = 1.7.
  static let numbers: [(any Activation, Double, Double, Double)] = [
    (Relu(), 0.0705142934594, 0.169396831598, 0.45),
    (LeakyRelu(0.1), -0.00288342229787, 0.237211433595, 0.4545),
    (Abs(), 0.882057173838, -0.322412673607, 0.9),
    (ABRelu(-0.3, 0.8), 0.229322295086, -0.035029833766, 0.3285),
    (Erf(), -0.222128452524, 0.386007436004, 0.444502232054),
    (Erf(a: 0.7, b: 1.3, c: 0.2), -0.0844227979124, 0.219116332136, 0.305775480574),
    (SigmoidLike(), 0.226996789856, 0.0386078972583, 0.288210625892),
    (Gelu(), -0.0156137779818, 0.158957151453, 0.376780862212),
    (Gelu(approximate: true), -0.0156137779818, 0.158957151453, 0.376780862212),
    (Sin(), -0.173508342284, 0.323076961507, 0.417350555889),
    (Sin(a: 0.7, b: 1.3, c: 0.3), -0.052070370791, 0.12138483548, 0.235346765494),
    (Cos(), 0.323076961507, -0.173508342284, 0.582649444111),
    (Rbf(gamma: 0.4), 0.218711886952, 0.174969509562, 1),
    (Gaussian(a: 0.7, b: -0.6), 0.203377286927, -0.0302711507554, 0.275646535727),
    (Exp(a: 0.7, b: 0.5), 0.58371064614, 0.145927661535, 0.76847297089),
    (ExpNormalized(), 0.280147961244, 0.226486202943, 0.9),
    (Gabor(), -0.0119710146795, 0.0287730099444, 0.0754922479864),
    (Sign(), -0.322412673607, 0, 1),
    (Hermite(degree: 3), -0.216, 1.08, 0.729),
    (Monomial(degree: 5), -523.6407, 1595.9025, 558.01305),
    (RectifiedMonomial(degree: 0), 0.169396831598, 0, 0.5),
    (RectifiedMonomial(degree: 3), 0.116201199161, 0.641417082688, 5.4675),
    (Polynomial([1.3, 0, -1.2, -0.5]), -1.5155, 1.6065, 5.11495),
    (ElementwiseNumerical(.tanh, degree: 25), -0.194042661256, 0.33466493556, 0.375199301296),
  ]

  @Test("duals agree to the twelve digits printed", arguments: numbers.indices)
  func agree(_ index: Int) throws {
    let (activation, kappa, kappaDot, variance) = Self.numbers[index]
    let values = try activation.duals([Covariance(q12: -0.6, q11: 0.9, q22: 1.7)])
    let q = try activation.varianceDual(Tensor([0.9])).scalars(as: Double.self)[0]
    for (value, expected) in [(values.kappa[0], kappa), (values.kappaDot[0], kappaDot), (q, variance)] {
      #expect(abs(value - expected) <= 5.5e-12 * abs(expected), "\(activation): \(value), expected \(expected)")
    }
  }
}
