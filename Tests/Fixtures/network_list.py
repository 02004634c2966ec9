"""The fully connected networks of make_networks.py: (name, network, shape of x1, shape of x2 or None)."""

from fixture_support import dense, layer, parallel, serial

X1, X2 = [3, 5], [4, 5]
networks = []


def add(name, network, x1=X1, x2=X2):
  networks.append((name, network, x1, x2))


def activation_network(*activation, width=64, bias=0.1):
  return serial(dense(width, weightStd=1.3, biasStd=bias), *activation, dense(1, weightStd=1.2, biasStd=0.2))


def two_layers(name, **arguments):
  return serial(
    dense(32, weightStd=1.4, biasStd=0.1),
    layer(name, **arguments),
    dense(48, weightStd=1.1),
    layer(name, **arguments),
    dense(1, weightStd=0.9, biasStd=0.05),
  )


# Linear networks.
add("one dense layer", serial(dense(7)))
add("one dense layer, not in a serial", dense(7))
add("one dense layer with bias, symmetric", serial(dense(7, weightStd=1.7, biasStd=0.3)), x2=None)
add("dense with zero bias scale", serial(dense(7, weightStd=0.8, biasStd=0)))
add("three linear layers", serial(dense(9, weightStd=1.1), dense(8, biasStd=0.4), dense(1, weightStd=0.7)))
add("identity before and after", serial(layer("identity"), dense(5, weightStd=1.2), layer("identity")))
add("one channel", serial(dense(3, weightStd=1.1, biasStd=0.2), layer("relu"), dense(1)), [4, 1], [2, 1])
add("one point", serial(dense(3), layer("erf"), dense(1)), [1, 6], None)

# Every activation, default and other arguments.
for name, arguments in [
  ("relu", {}),
  ("abs", {}),
  ("leakyRelu", {"alpha": 0.1}),
  ("leakyRelu", {"alpha": -0.4}),
  ("abRelu", {"a": -0.3, "b": 0.8}),
  ("abRelu", {"a": 0.6, "b": 0.6}),
  ("relu", {"stabilize": True}),
  ("abs", {"stabilize": True}),
  ("leakyRelu", {"alpha": 0.2, "stabilize": True}),
  ("abRelu", {"a": 0.5, "b": -1.5, "stabilize": True}),
  ("erf", {}),
  ("erf", {"a": 0.7, "b": 1.3, "c": 0.2}),
  ("erf", {"b": 4}),
  ("sin", {}),
  ("sin", {"a": 0.7, "b": 1.3, "c": 0.3}),
  ("cos", {}),
  ("cos", {"a": 1.4, "b": 0.6, "c": -0.5}),
  ("sigmoidLike", {}),
  ("gelu", {}),
  ("gelu", {"approximate": True}),
  ("rbf", {}),
  ("rbf", {"gamma": 0.4}),
  ("gaussian", {}),
  ("gaussian", {"a": 0.7, "b": -0.6}),
  ("gaussian", {"a": 0.5, "b": 0.05}),
  ("exp", {"b": 0.3}),
  ("exp", {"a": 0.7, "b": 0.5}),
  ("expNormalized", {}),
  ("expNormalized", {"gamma": 0.6, "shift": 0.2}),
  ("expNormalized", {"gamma": 2, "shift": -0.5, "clip": True}),
  ("gabor", {}),
  ("sign", {}),
  ("monomial", {"degree": 0}),
  ("monomial", {"degree": 1}),
  ("monomial", {"degree": 2}),
  ("monomial", {"degree": 3}),
  ("monomial", {"degree": 4}),
  ("monomial", {"degree": 5}),
  ("rectifiedMonomial", {"degree": 0}),
  ("rectifiedMonomial", {"degree": 1}),
  ("rectifiedMonomial", {"degree": 2}),
  ("rectifiedMonomial", {"degree": 3}),
  ("rectifiedMonomial", {"degree": 4}),
  ("polynomial", {"coefficients": [1.3, 0, -1.2, -0.5]}),
  ("polynomial", {"coefficients": [0.5]}),
  ("polynomial", {"coefficients": [0, 1]}),
  ("polynomial", {"coefficients": [0.1, -0.2, 0.3, -0.1, 0.05, 0.02, -0.01]}),
  ("numerical", {"function": "tanh"}),
  ("numerical", {"function": "tanh", "degree": 10}),
  ("numerical", {"function": "erf", "degree": 25}),
  ("numerical", {"function": "sin", "degree": 40}),
]:
  described = ", ".join([name] + [f"{key} {value}" for key, value in arguments.items()])
  add(described, activation_network(layer(name, **arguments)))
for degree in range(7):
  add(
    f"hermite after layerNorm, degree {degree}", activation_network(layer("layerNorm"), layer("hermite", degree=degree))
  )

# Symmetric kernels, no bias, two hidden layers.
for name, arguments in [
  ("relu", {}),
  ("abs", {}),
  ("leakyRelu", {"alpha": 0.3}),
  ("abRelu", {"a": -0.2, "b": 1.1}),
  ("erf", {}),
  ("sin", {"b": 0.9}),
  ("cos", {}),
  ("gelu", {}),
  ("rbf", {"gamma": 0.7}),
  ("gaussian", {}),
  ("gabor", {}),
  ("sign", {}),
  ("sigmoidLike", {}),
  ("expNormalized", {}),
  ("monomial", {"degree": 3}),
  ("polynomial", {"coefficients": [0.2, 1, 0.3]}),
]:
  add(f"{name}, two hidden layers, symmetric", two_layers(name, **arguments), [4, 6], None)
add("relu, no bias, symmetric", serial(dense(10), layer("relu"), dense(10), layer("relu"), dense(1)), [5, 3], None)


# Standard parameterization: widths and their scales enter the NTK.
def standard(width, scales=(1, 1), **arguments):
  return dense(width, parameterization="standard", widthScales=list(scales), **arguments)


add("standard, linear", serial(standard(7, weightStd=1.3)))
add("standard, linear with bias, symmetric", serial(standard(7, weightStd=1.3, biasStd=0.2)), x2=None)
add("standard, zero bias scale", serial(standard(7, biasStd=0), layer("relu"), standard(3, biasStd=0)))
add(
  "standard, relu, scales 1-4-1",
  serial(
    standard(7, (1, 4), weightStd=1.5, biasStd=0.1), layer("relu"), standard(1, (4, 1), weightStd=1.5, biasStd=0.1)
  ),
)
add(
  "standard, erf, scales 1-2-8-1",
  serial(
    standard(6, (1, 2), weightStd=1.2, biasStd=0.3),
    layer("erf"),
    standard(5, (2, 8), weightStd=0.9),
    layer("erf"),
    standard(2, (8, 1), biasStd=0.5),
  ),
)
add(
  "standard, wide, scale 512",
  serial(standard(4, (1, 512), weightStd=1.1), layer("relu"), standard(1, (512, 1), weightStd=1.3, biasStd=0.1)),
  x2=None,
)
add(
  "mixed parameterizations",
  serial(
    dense(12, weightStd=1.2),
    layer("gelu"),
    standard(9, weightStd=1.1, biasStd=0.1),
    layer("relu"),
    dense(3, biasStd=0.2),
  ),
)

# Layer normalisation and dropout.
add(
  "layerNorm, relu",
  serial(
    dense(20, weightStd=1.3, biasStd=0.2),
    layer("layerNorm"),
    layer("relu"),
    dense(20),
    layer("layerNorm"),
    layer("relu"),
    dense(1),
  ),
)
add(
  "layerNorm with a large epsilon, symmetric",
  serial(dense(20, weightStd=0.6), layer("layerNorm", axes=[1], epsilon=0.25), layer("erf"), dense(1)),
  x2=None,
)
add(
  "layerNorm over batch and channels",
  serial(dense(20, weightStd=0.6), layer("layerNorm", axes=[0, 1]), layer("relu"), dense(1, biasStd=0.1)),
)
for mode in ("train", "test"):
  for x2 in (X2, None):
    kind = "different inputs" if x2 else "symmetric"
    add(
      f"dropout, {mode}, {kind}",
      serial(
        dense(16, weightStd=1.4, biasStd=0.1),
        layer("relu"),
        layer("dropout", keepRate=0.7, mode=mode),
        dense(16, weightStd=1.2),
        layer("relu"),
        layer("dropout", keepRate=0.9, mode=mode),
        dense(1),
      ),
      x2=x2,
    )
add(
  "dropout after dense, no activation, symmetric",
  serial(dense(16), layer("dropout", keepRate=0.5), dense(1, biasStd=0.3)),
  x2=None,
)
add(
  "dropout, same batch size but different inputs",
  serial(dense(16), layer("erf"), layer("dropout", keepRate=0.6), dense(1, biasStd=0.3)),
  [3, 5],
  [3, 5],
)


# Branches.
def branch(width, activation, **arguments):
  return serial(layer(activation), dense(width, **arguments))


def branched(fan_in, *branches):
  return serial(
    dense(24, weightStd=1.2, biasStd=0.1), layer("fanOut", count=len(branches)), parallel(*branches), fan_in, dense(1)
  )


add("fanInSum", branched(layer("fanInSum"), branch(8, "relu", weightStd=1.3), branch(8, "erf", weightStd=0.7)))
add(
  "fanInSum of three, then relu, symmetric",
  serial(
    dense(24),
    layer("fanOut", count=3),
    parallel(branch(8, "relu"), branch(8, "erf", biasStd=0.2), branch(8, "gelu", weightStd=1.6)),
    layer("fanInSum"),
    layer("relu"),
    dense(2),
  ),
  x2=None,
)
add("fanInProduct", branched(layer("fanInProduct"), branch(8, "relu", weightStd=1.3), branch(8, "erf", weightStd=0.7)))
add(
  "fanInProduct of three, symmetric",
  branched(layer("fanInProduct"), branch(8, "relu"), branch(8, "cos", biasStd=0.5), branch(8, "gelu")),
  x2=None,
)
add(
  "fanInProduct of activations",
  branched(layer("fanInProduct"), layer("relu"), serial(dense(24, biasStd=0.3), layer("sin"))),
)
add(
  "fanInConcat, different widths",
  branched(layer("fanInConcat"), branch(5, "relu", weightStd=1.3), branch(11, "erf", weightStd=0.7)),
)
add(
  "fanInConcat of three, axis 1, symmetric",
  branched(
    layer("fanInConcat", axis=1), branch(5, "relu"), branch(11, "abs", weightStd=0.7), branch(2, "sin", biasStd=0.4)
  ),
  x2=None,
)
add(
  "fanInConcat, standard",
  serial(
    standard(24, weightStd=1.2, biasStd=0.1),
    layer("fanOut", count=2),
    parallel(serial(layer("relu"), standard(5)), serial(layer("erf"), standard(11, biasStd=0.3))),
    layer("fanInConcat"),
    standard(1, weightStd=1.1),
  ),
)
add(
  "fanInConcat over the batch",
  serial(
    layer("fanOut", count=2),
    parallel(dense(6, weightStd=1.3), dense(6, biasStd=0.5)),
    layer("fanInConcat", axis=0),
    layer("relu"),
    dense(1),
  ),
)
add(
  "fanOut at the input",
  serial(
    layer("fanOut", count=2),
    parallel(serial(dense(6, weightStd=1.3), layer("relu"), dense(3)), dense(3, biasStd=0.5)),
    layer("fanInSum"),
    layer("erf"),
    dense(1),
  ),
)
add(
  "residual block",
  serial(
    dense(16, weightStd=1.1),
    layer("fanOut", count=2),
    parallel(serial(layer("relu"), dense(16, weightStd=1.4, biasStd=0.1)), layer("identity")),
    layer("fanInSum"),
    layer("relu"),
    dense(1),
  ),
)
residual = serial(
  layer("fanOut", count=2),
  parallel(serial(layer("erf"), dense(16, weightStd=0.8, biasStd=0.1)), layer("identity")),
  layer("fanInSum"),
)
add("four residual blocks", serial(dense(16), *[residual] * 4, layer("erf"), dense(1)))
add(
  "four residual blocks by repeat, symmetric",
  serial(dense(16), layer("repeat", layer=residual, count=4), layer("erf"), dense(1)),
  x2=None,
)
add(
  "nested parallel",
  serial(
    dense(16, weightStd=1.3),
    layer("fanOut", count=2),
    parallel(
      serial(
        layer("relu"),
        layer("fanOut", count=2),
        parallel(dense(6), dense(6, weightStd=1.5, biasStd=0.2)),
        layer("fanInSum"),
        layer("erf"),
        dense(8),
      ),
      serial(
        layer("fanOut", count=2),
        parallel(layer("abs"), serial(dense(16, weightStd=0.8), layer("sin"))),
        layer("fanInProduct"),
        dense(8, biasStd=0.1),
      ),
    ),
    layer("fanInSum"),
    layer("gelu"),
    dense(1),
  ),
)
add(
  "single branch", serial(dense(4), layer("fanOut", count=1), parallel(branch(3, "relu")), layer("fanInSum"), dense(1))
)

# Nesting, repetition, depth.
block = serial(layer("relu"), dense(9, weightStd=1.4, biasStd=0.1))
add("nested serial", serial(serial(dense(9), serial(block)), serial(serial(block, serial(layer("erf"))), dense(1))))
for count in (0, 1, 3):
  add(f"repeat {count}", serial(dense(9), layer("repeat", layer=block, count=count), layer("erf"), dense(1)))
add(
  "repeat standard, symmetric",
  serial(
    standard(9),
    layer("repeat", layer=serial(layer("relu"), standard(9, weightStd=1.3, biasStd=0.2)), count=3),
    layer("erf"),
    standard(1),
  ),
  x2=None,
)
for name, weight, bias in (("relu", 2**0.5, 0.1), ("erf", 1.3, 0.2)):
  hidden = [dense(32, weightStd=weight, biasStd=bias), layer(name)] * 20
  add(f"twenty {name} layers", serial(*hidden, dense(1)))
  add(f"twenty {name} layers, symmetric", serial(*hidden, dense(1)), [4, 5], None)
add(
  "every second activation",
  serial(
    dense(8, biasStd=0.1),
    layer("relu"),
    dense(8, weightStd=1.2),
    layer("erf"),
    dense(8),
    layer("sin"),
    dense(8, biasStd=0.3),
    layer("gelu"),
    dense(8),
    layer("rbf", gamma=0.3),
    dense(8),
    layer("gabor"),
    dense(1),
  ),
)


# The batch in the second axis.
def transposed(width, **arguments):
  return dense(width, batchAxis=1, channelAxis=0, **arguments)


add(
  "batch axis 1",
  serial(transposed(6, weightStd=1.3, biasStd=0.1), layer("relu"), transposed(2, biasStd=0.2)),
  [5, 3],
  [5, 4],
)
add(
  "batch axis -1, symmetric",
  serial(
    dense(6, batchAxis=-1, channelAxis=-2, parameterization="standard", biasStd=0.4),
    layer("erf"),
    dense(2, batchAxis=-1, channelAxis=-2, parameterization="standard"),
  ),
  [5, 3],
  None,
)
add("flatten last", serial(dense(6), layer("relu"), dense(5), layer("flatten"), dense(1)))
add("flatten first", serial(layer("flatten"), dense(6, biasStd=0.1), layer("relu"), dense(1)))
