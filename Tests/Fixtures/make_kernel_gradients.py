"""Gradients of kernels in inputs and in standard deviations, by automatic differentiation of neural-tangents.

Of f = sum(S * nngp + C * ntk) between x1 = S([3, 4]) and x2 = C([2, 4]); "weightStd" and "biasStd" are the derivatives in
one number that all layers share, 1.3 and 0.4.
"""

import jax

jax.config.update("jax_enable_x64", True)
import numpy as np
from fixture_support import PEER, C, S, stax, write


def mlp(node, layer, depth, norm=False):
  nodes, build = [], []
  for _ in range(depth):
    nodes += [{"dense": {"width": 8, "weightStd": 1.3, "biasStd": 0.4}}]
    build += [lambda w, b: stax.Dense(8, W_std=w, b_std=b)]
    if norm:
      nodes += [{"layerNorm": {}}]
      build += [lambda w, b: stax.LayerNorm()]
    nodes += [node]
    build += [lambda w, b: layer]
  nodes += [{"dense": {"width": 1, "weightStd": 1.3, "biasStd": 0.4}}]
  build += [lambda w, b: stax.Dense(1, W_std=w, b_std=b)]
  return {"serial": nodes}, lambda w, b: stax.serial(*[f(w, b) for f in build])[2]


cases = [
  ("1 x relu", mlp({"relu": {}}, stax.Relu(), 1)),
  ("4 x relu", mlp({"relu": {}}, stax.Relu(), 4)),
  ("2 x leaky relu", mlp({"leakyRelu": {"alpha": 0.2}}, stax.LeakyRelu(0.2), 2)),
  ("3 x erf", mlp({"erf": {}}, stax.Erf(), 3)),
  ("2 x gelu", mlp({"gelu": {}}, stax.Gelu(), 2)),
  ("2 x sin", mlp({"sin": {"a": 0.8, "b": 1.1, "c": 0.3}}, stax.Sin(0.8, 1.1, 0.3), 2)),
  ("2 x rbf", mlp({"rbf": {"gamma": 0.3}}, stax.Rbf(0.3), 2)),
  ("2 x normalised relu", mlp({"relu": {}}, stax.Relu(), 2, norm=True)),
]

results = []
for name, (network, build) in cases:

  def f(x1, x2, w, b):
    k = build(w, b)(x1, x2, ("nngp", "ntk"))
    return (S(k.nngp.shape) * k.nngp + C(k.ntk.shape) * k.ntk).sum()

  args = (S((3, 4)), C((2, 4)), 1.3, 0.4)
  g = jax.grad(f, argnums=(0, 1, 2, 3))(*args)
  results.append(
    {
      "name": name,
      "network": network,
      "value": float(f(*args)),
      "x1": np.asarray(g[0]).ravel().tolist(),
      "x2": np.asarray(g[1]).ravel().tolist(),
      "weightStd": float(g[2]),
      "biasStd": float(g[3]),
    }
  )
write(
  "Tests/NeuralTangentsTests/Fixtures/kernel-gradients.json",
  {"source": f"Tests/Fixtures/make_kernel_gradients.py with {PEER}", "cases": results},
  "cases",
)
