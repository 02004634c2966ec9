import NeuralTangents
import Tensors
import Testing

@Suite("Activations: network files and errors")
struct ActivationFileTests {
  static let samples =
    ActivationSample.closedForms + ActivationSample.numerical + ActivationSample.withoutClosedDual + [
      .init(Relu(stabilize: true)), .init(Abs(stabilize: true)), .init(LeakyRelu(0.2, stabilize: true)),
      .init(ABRelu(1, 2, stabilize: true)), .init(Gelu(approximate: true)),
    ]

  @Test("a file gives back the same activation", arguments: samples)
  func roundTrip(_ sample: ActivationSample) throws {
    let node = try LayerRegistry.node(of: sample.activation)
    let read = try LayerRegistry.layer(from: NodeValue(json: .init(node.json().utf8)))
    #expect(try LayerRegistry.node(of: read) == node)
    #expect(type(of: read) == type(of: sample.activation))
    let activation = try #require(read as? any Activation)
    let covariances = [Covariance(q12: 0.3, q11: 0.9, q22: 1.7), Covariance(q12: -0.6, q11: 0.9, q22: 0.9)]
    let (found, expected) = (try activation.duals(covariances), try sample.activation.duals(covariances))
    #expect(found.kappa == expected.kappa && found.kappaDot == expected.kappaDot)
    if !(activation is ExpNormalized) {
      #expect(try activation.phi([-1.5, 0, 0.7]) == sample.activation.phi([-1.5, 0, 0.7]))
    }
  }

  @Test("defaults are left out and understood")
  func defaults() throws {
    for (text, activation) in [
      ("{\"erf\":{}}", Erf()), ("{\"sin\":{}}", Sin()), ("{\"cos\":{}}", Cos()), ("{\"rbf\":{}}", Rbf()),
      ("{\"gaussian\":{}}", Gaussian()), ("{\"exp\":{}}", Exp()), ("{\"expNormalized\":{}}", ExpNormalized()),
      ("{\"relu\":{}}", Relu()), ("{\"gelu\":{}}", Gelu()), ("{\"sign\":{}}", Sign()), ("{\"gabor\":{}}", Gabor()),
      ("{\"numerical\":{\"function\":\"tanh\",\"degree\":\"exact\"}}", ElementwiseNumerical(.tanh, degree: nil)),
      ("{\"sigmoidLike\":{}}", SigmoidLike()), ("{\"numerical\":{\"function\":\"tanh\"}}", ElementwiseNumerical(.tanh)),
      ("{\"tanh\":{}}", Tanh()), ("{\"sigmoid\":{}}", Sigmoid()), ("{\"softplus\":{}}", Softplus()),
      ("{\"elu\":{}}", Elu()), ("{\"selu\":{}}", Selu()), ("{\"silu\":{}}", Silu()), ("{\"mish\":{}}", Mish()),
      ("{\"softsign\":{}}", Softsign()), ("{\"hardTanh\":{}}", HardTanh()),
    ] as [(String, any Activation)] {
      let node = try NodeValue(json: .init(text.utf8))
      #expect(try LayerRegistry.node(of: activation) == node)
      #expect(try LayerRegistry.node(of: LayerRegistry.layer(from: node)) == node)
    }
  }

  @Test(
    "a wrong argument is an error that says where",
    arguments: [
      ("{\"rbf\":{\"gamma\":-1}}", "rbf.gamma: expected a positive number, found -1"),
      ("{\"hermite\":{\"degree\":-1}}", "hermite.degree: expected an integer of at least 0, found -1"),
      ("{\"monomial\":{\"degree\":150}}", "monomial.degree: expected an integer from 0 to 149, found 150"),
      ("{\"monomial\":{\"degree\":-2}}", "monomial.degree: expected an integer of at least 0, found -2"),
      ("{\"rectifiedMonomial\":{}}", "rectifiedMonomial.degree: expected an integer of at least 0, found nothing"),
      ("{\"leakyRelu\":{}}", "leakyRelu.alpha: expected a finite number, found nothing"),
      ("{\"abRelu\":{\"a\":1}}", "abRelu.b: expected a finite number, found nothing"),
      (
        "{\"expNormalized\":{\"gamma\":-2}}",
        "expNormalized.gamma: expected a number that is not negative, found -2"
      ),
      (
        "{\"numerical\":{\"function\":\"tanh\",\"degree\":0}}",
        "numerical.degree: expected an integer of at least 1, found 0"
      ),
      ("{\"softplus\":{\"beta\":0}}", "softplus.beta: expected a positive number, found 0"),
      ("{\"hardTanh\":{\"min\":2,\"max\":1}}", "hardTanh.max: expected a number of at least min, 2.0, found 1"),
      ("{\"tanh\":{\"a\":1}}", "tanh.a: expected no arguments, found an unknown argument"),
      ("{\"sign\":{\"a\":1}}", "sign.a: expected no arguments, found an unknown argument"),
      (
        "{\"polynomial\":{\"coefficients\":[1,\"x\"]}}",
        "polynomial.coefficients[1]: expected a finite number, found \"x\""
      ),
    ])
  func wrong(text: String, description: String) throws {
    let node = try NodeValue(json: .init(text.utf8))
    let error = #expect(throws: NetworkError.self) { try LayerRegistry.layer(from: node) }
    #expect(error?.description == description)
  }

  @Test("an unknown function is an error that lists the known ones")
  func unknownFunction() throws {
    let node = try NodeValue(json: .init("{\"numerical\":{\"function\":\"tan\"}}".utf8))
    let error = #expect(throws: NetworkError.self) { try LayerRegistry.layer(from: node) }
    let description = try #require(error?.description)
    #expect(description.hasPrefix("numerical.function: expected one of cos, elu, erf, gelu, "))
    #expect(description.hasSuffix("found \"tan\""))
  }

  @Test("every named function has a file form and the derivative it says", arguments: NumericalFunction.names)
  func named(name: String) throws {
    let function = try #require(NumericalFunction.named(name))
    #expect(NumericalFunction.named(function.name ?? "")?.name == function.name)
    // Away from kinks, which are at integers.
    let x = [-5.3, -2.4, -0.9, -0.3, 0.25, 0.8, 1.7, 4.1]
    let step = 1e-4
    let above = function.function(Tensor(x.map { $0 + step })).scalars(as: Double.self)
    let below = function.function(Tensor(x.map { $0 - step })).scalars(as: Double.self)
    let slopes = function.derivative(Tensor(x)).scalars(as: Double.self)
    for index in x.indices {
      #expect(abs((above[index] - below[index]) / (2 * step) - slopes[index]) < 2e-8, "\(name) at \(x[index])")
    }
  }

  @Test("swish is another name for silu")
  func swish() throws {
    let layer = try LayerRegistry.layer(from: NodeValue(json: .init("{\"swish\":{}}".utf8)))
    #expect(layer is Silu)
    #expect(try LayerRegistry.node(of: layer).compact == "{\"silu\":{}}")
  }

  @Test("closures cannot be written to files")
  func closures() {
    let numerical = ElementwiseNumerical(function: { $0 }, derivative: { $0 * 0 + 1 })
    #expect(throws: NetworkError.self) { try LayerRegistry.node(of: numerical) }
    #expect(throws: NetworkError.self) { try LayerRegistry.node(of: Elementwise(function: { $0 })) }
    #expect(throws: NetworkError.self) { try LayerRegistry.node(of: CustomActivation { $0 }) }
  }

  @Test("an elementwise layer of your own needs only what is used")
  func elementwise() throws {
    let q = Tensor([0.5])
    let cube = Elementwise(dual: { q12, q11, q22 in 6 * q12 * q12 * q12 + 9 * q12 * q11 * q22 })
    let reference = Monomial(degree: 3)
    #expect(try abs(cube.dual(q, q, q).scalar(as: Double.self) - reference.dual(q, q, q).scalar()) < 1e-15)
    #expect(throws: NetworkError.self) { try cube.function(q) }
    let finite = Elementwise(function: { $0 * $0 })
    #expect(try finite.function(q).scalar(as: Double.self) == 0.25)
    #expect(throws: NetworkError.self) { try finite.dual(q, q, q) }
    let noSlope = #expect(throws: NetworkError.self) { try finite.derivativeDual(q, q, q) }
    #expect(noSlope?.description.contains("tangent kernel") == true)
  }

  @Test("a kernel without a function says so")
  func noFunction() {
    #expect(throws: NetworkError.self) { try ExpNormalized().function(Tensor([1.0])) }
  }

  @Test("user closures give the duals of the function with the same name")
  func userFunction() throws {
    let mine = ElementwiseNumerical(
      function: { tanh($0) },
      derivative: {
        let value = tanh($0)
        return 1 - value * value
      }, degree: 12)
    let covariances = [Covariance(q12: 0.3, q11: 0.9, q22: 1.7)]
    let (found, named) = (try mine.duals(covariances), try ElementwiseNumerical(.tanh, degree: 12).duals(covariances))
    #expect(found.kappa == named.kappa && found.kappaDot == named.kappaDot)
  }
}
