"""Writes NeuralTangentsTests/Fixtures/float32-convolution.json: how far the peer's float32 kernels of a deep convolutional
network are from its float64 kernels.

21 x (3x3 convolution, padding same, weightStd sqrt 2, biasStd 0.1, relu), then flatten or a global average pool, then a
dense layer, between 2 and 2 images of 16x16x3: SplitMix64 with seeds 1 and 2 as uniform numbers in [-1, 1), rounded to
float32. The largest and the root-mean-square difference, relative to the largest entry.
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


def images(seed):
  return uniform(seed, (2, 16 * 16 * 3), "float64").astype("float32").reshape(2, 16, 16, 3)


def kernels(pool, precision):
  jax.config.update("jax_enable_x64", precision == "float64")
  layers = []
  for _ in range(21):
    layers += [stax.Conv(1, (3, 3), padding="SAME", W_std=2**0.5, b_std=0.1), stax.Relu()]
  layers.append(stax.GlobalAvgPool() if pool else stax.Flatten())
  kernel_fn = stax.serial(*layers, stax.Dense(1, 2**0.5, 0.1))[2]
  result = jax.jit(lambda x1, x2: tuple(kernel_fn(x1, x2, ("nngp", "ntk"))))(
    images(1).astype(precision), images(2).astype(precision))
  result = [np.asarray(part, dtype="float64") for part in result]
  jax.config.update("jax_enable_x64", True)
  return result


def errors(found, expected):
  difference = np.abs(found - expected) / np.abs(expected).max()
  return {"largest": float(difference.max()), "rootMeanSquare": float(np.sqrt((difference**2).mean()))}


def main():
  cases = []
  for pool in (False, True):
    single, double = kernels(pool, "float32"), kernels(pool, "float64")
    cases.append({
      "isPooled": pool,
      "nngpValues": double[0].ravel().tolist(),
      "ntkValues": double[1].ravel().tolist(),
      "nngp": errors(single[0], double[0]),
      "ntk": errors(single[1], double[1]),
    })
  path = os.path.join(os.path.dirname(__file__), "../NeuralTangentsTests/Fixtures/float32-convolution.json")
  source = "Tests/Fixtures/make_float32_convolution.py: neural-tangents 0.6.5, jax 0.4.23"
  with open(path, "w") as file:
    json.dump({"source": source, "cases": cases}, file, indent=1)
    file.write("\n")


main()
