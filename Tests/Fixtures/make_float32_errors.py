"""Writes NeuralTangentsTests/Fixtures/float32-errors.json: how far the peer's float32 kernels are from float64.

For each network and data set, the largest and the root-mean-square difference between the peer's float32 and float64
kernels, relative to the largest entry. Data: SplitMix64 with seed 1 as uniform numbers in [-1, 1), 96 rows of 64
channels (see the docstring of Benchmarks/peer/fully_connected.py); "near" adds to every odd row its predecessor times
1000, so that pairs of rows are nearly parallel. Networks: depth x (dense, activation), dense; weightStd sqrt 2 for relu
and 1.5 for erf, biasStd 0.1.
"""

import json
import os
import sys

import jax
import numpy as np

jax.config.update("jax_enable_x64", True)
from neural_tangents import stax  # noqa: E402

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../Benchmarks/peer"))
from fully_connected import uniform  # noqa: E402


def data(kind):
  x = uniform(1, (96, 64), "float64").astype("float32").astype("float64")
  if kind == "near":
    x[1::2] = (x[1::2] + 1000 * x[::2]).astype("float32")
  return x


def kernels(activation, depth, x, precision):
  jax.config.update("jax_enable_x64", precision == "float64")
  weight = 2**0.5 if activation == "relu" else 1.5
  layer = {"relu": stax.Relu, "erf": stax.Erf}[activation]
  hidden = [part for _ in range(depth) for part in (stax.Dense(1, weight, 0.1), layer())]
  kernel_fn = stax.serial(*hidden, stax.Dense(1, weight, 0.1))[2]
  result = jax.jit(lambda x: tuple(kernel_fn(x, None, ("nngp", "ntk"))))(x.astype(precision))
  result = [np.asarray(part, dtype="float64") for part in result]
  jax.config.update("jax_enable_x64", True)
  return result


cases = []
for activation in ("relu", "erf"):
  for depth in (3, 20):
    for kind in ("independent", "near"):
      x = data(kind)
      case = {"activation": activation, "depth": depth, "data": kind}
      for name, exact, single in zip(
        ("nngp", "ntk"), kernels(activation, depth, x, "float64"), kernels(activation, depth, x, "float32")
      ):
        error = np.abs(single - exact) / np.abs(exact).max()
        case[name] = {"largest": float(error.max()), "rootMeanSquare": float(np.sqrt((error**2).mean()))}
      cases.append(case)

path = os.path.join(os.path.dirname(__file__), "../NeuralTangentsTests/Fixtures/float32-errors.json")
with open(path, "w") as file:
  json.dump(
    {"source": "Tests/Fixtures/make_float32_errors.py: neural-tangents 0.6.5, jax 0.4.23", "cases": cases},
    file,
    indent=1,
  )
