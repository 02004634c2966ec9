"""What every fixture script shares: deterministic inputs, network files to peer layers, compact JSON.

Inputs are formulas so that fixtures stay small: S(shape)[i] = sin(0.37 i + 0.1) and
C(shape)[i] = cos(0.53 i + 0.2), where i is the row-major index.
"""

import json
import math
import os
import warnings

warnings.filterwarnings("ignore")

import jax
import neural_tangents as nt
import numpy as np
from neural_tangents import stax

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PEER = f"neural-tangents {nt.__version__}, jax {jax.__version__}"


def S(shape):
  return np.sin(0.37 * np.arange(math.prod(shape)) + 0.1).reshape(shape)


def C(shape):
  return np.cos(0.53 * np.arange(math.prod(shape)) + 0.2).reshape(shape)


NUMERICAL_FUNCTIONS = {"tanh": jax.numpy.tanh, "erf": jax.scipy.special.erf, "sin": jax.numpy.sin}


def _dense(a):
  return stax.Dense(
    a["width"],
    a.get("weightStd", 1.0),
    a.get("biasStd"),
    a.get("batchAxis", 0),
    a.get("channelAxis", -1),
    a.get("parameterization", "ntk"),
    tuple(a.get("widthScales", (1, 1))),
  )


LAYERS = {
  "dense": _dense,
  "repeat": lambda a: stax.repeat(build(a["layer"]), a["count"]),
  "fanOut": lambda a: stax.FanOut(a["count"]),
  "fanInSum": lambda a: stax.FanInSum(),
  "fanInProduct": lambda a: stax.FanInProd(),
  "fanInConcat": lambda a: stax.FanInConcat(a.get("axis", -1)),
  "identity": lambda a: stax.Identity(),
  "flatten": lambda a: stax.Flatten(),
  "layerNorm": lambda a: stax.LayerNorm(tuple(a.get("axes", (-1,))), a.get("epsilon", 1e-12)),
  "dropout": lambda a: stax.Dropout(a["keepRate"], a.get("mode", "train")),
  "relu": lambda a: stax.Relu(a.get("stabilize", False)),
  "abs": lambda a: stax.Abs(a.get("stabilize", False)),
  "leakyRelu": lambda a: stax.LeakyRelu(a["alpha"], a.get("stabilize", False)),
  "abRelu": lambda a: stax.ABRelu(a["a"], a["b"], a.get("stabilize", False)),
  "erf": lambda a: stax.Erf(a.get("a", 1.0), a.get("b", 1.0), a.get("c", 0.0)),
  "sin": lambda a: stax.Sin(a.get("a", 1.0), a.get("b", 1.0), a.get("c", 0.0)),
  "cos": lambda a: stax.Cos(a.get("a", 1.0), a.get("b", 1.0), a.get("c", 0.0)),
  "sigmoidLike": lambda a: stax.Sigmoid_like(),
  "gelu": lambda a: stax.Gelu(a.get("approximate", False)),
  "rbf": lambda a: stax.Rbf(a.get("gamma", 1.0)),
  "gaussian": lambda a: stax.Gaussian(a.get("a", 1.0), a.get("b", -1.0)),
  "exp": lambda a: stax.Exp(a.get("a", 1.0), a.get("b", 1.0)),
  "expNormalized": lambda a: stax.ExpNormalized(a.get("gamma", 1.0), a.get("shift", -1.0), a.get("clip", False)),
  "gabor": lambda a: stax.Gabor(),
  "sign": lambda a: stax.Sign(),
  "hermite": lambda a: stax.Hermite(a["degree"]),
  "monomial": lambda a: stax.Monomial(a["degree"]),
  "rectifiedMonomial": lambda a: stax.RectifiedMonomial(a["degree"]),
  "polynomial": lambda a: stax.Polynomial(a["coefficients"]),
  "numerical": lambda a: stax.ElementwiseNumerical(NUMERICAL_FUNCTIONS[a["function"]], a.get("degree", 25)),
}


def build(node):
  """The peer's (init, apply, kernel) triple of a network-file node."""
  ((name, arguments),) = node.items()
  if name == "serial":
    return stax.serial(*[build(child) for child in arguments])
  if name == "parallel":
    return stax.parallel(*[build(child) for child in arguments])
  return LAYERS[name](arguments)


def serial(*nodes):
  return {"serial": list(nodes)}


def parallel(*nodes):
  return {"parallel": list(nodes)}


def dense(width, **arguments):
  return {"dense": {"width": width, **arguments}}


def layer(name, **arguments):
  return {name: arguments}


def nested(array):
  """Nested lists of float64 numbers; refuses NaN and infinities."""
  array = np.asarray(array, dtype=np.float64)
  assert np.isfinite(array).all()
  return array.tolist()


def flat(array):
  """A tensor as {"shape", "values"}."""
  array = np.asarray(array)
  if array.dtype.kind == "f":
    assert np.isfinite(array).all()
  values = array.astype(np.float64) if array.dtype.kind == "f" else array
  return {"shape": list(array.shape), "values": values.reshape(-1).tolist()}


def write(relative_path, document, entries_key):
  """One entry per line, so that a regenerated fixture can be compared line by line."""
  path = os.path.join(REPOSITORY, relative_path)
  os.makedirs(os.path.dirname(path), exist_ok=True)
  head = {key: value for key, value in document.items() if key != entries_key}
  with open(path, "w") as file:
    file.write("{\n")
    for key, value in head.items():
      file.write(f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)},\n")
    file.write(f"{json.dumps(entries_key)}: [\n")
    file.write(",\n".join(json.dumps(entry, allow_nan=False, separators=(",", ":")) for entry in document[entries_key]))
    file.write("\n]\n}\n")
  count = len(document[entries_key])
  print(f"{relative_path}: {count} entries, {os.path.getsize(path):,} bytes")
