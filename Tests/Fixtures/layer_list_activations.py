"""Every activation in networks with positions and with masks: the networks of make_layers.py."""

from layer_cases import *

cases = Cases()
add = cases.add
IMAGES, SMALLS = (IMAGE1, IMAGE2), (SMALL1, SMALL2)

ACTIVATIONS = [
  ("relu", {}),
  ("relu", {"stabilize": True}),
  ("abs", {}),
  ("leakyRelu", {"alpha": 0.1}),
  ("abRelu", {"a": -0.3, "b": 0.8}),
  ("erf", {"a": 0.7, "b": 1.3, "c": 0.2}),
  ("sin", {"a": 0.7, "b": 1.3, "c": 0.3}),
  ("cos", {}),
  ("sigmoidLike", {}),
  ("gelu", {}),
  ("rbf", {"gamma": 0.4}),
  ("gaussian", {"a": 0.7, "b": -0.6}),
  ("exp", {"a": 0.7, "b": 0.5}),
  ("expNormalized", {"gamma": 0.6, "shift": 0.2}),
  ("gabor", {}),
  ("sign", {}),
  ("monomial", {"degree": 0}),
  ("monomial", {"degree": 3}),
  ("rectifiedMonomial", {"degree": 0}),
  ("rectifiedMonomial", {"degree": 2}),
  ("polynomial", {"coefficients": [1.3, 0, -1.2, -0.5]}),
  ("numerical", {"function": "tanh"}),
]
for name, arguments in ACTIVATIONS:
  described = ", ".join([name, *[f"{key} {value}" for key, value in arguments.items()]])
  phi = layer(name, **arguments)
  first = conv(4, 2, 1, padding="same", weightStd=1.1, biasStd=0.2)
  add(f"{described}, pooled twice", pooled(first, phi, conv(4, 1, 2, weightStd=0.9), phi))
  add(f"{described}, flattened", head(first, phi))
  add(f"{described}, full", serial(dense(4, weightStd=1.1, biasStd=0.3), phi), SMALLS)
  add(f"{described}, masked, pooled", pooled(first, phi), masked="positions")
  add(f"{described}, masked, full", serial(dense(4, weightStd=1.1, biasStd=0.3), phi), SMALLS, masked="positions")
