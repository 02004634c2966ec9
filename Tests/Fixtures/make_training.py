"""Writes Tests/NeuralTangentsTests/Fixtures/training.json: parameters after ten steps of gradient descent.

"mlp": Dense(16, weightStd 1.5, biasStd 0.1), Relu, Dense(3) on S(8, 5) with targets C(8, 3), half the mean squared
error, momentum 0.9, learning rate 0.1. "cnn": normal filters (3, 3, 2, 4) / 4 and (3, 3, 4, 6) / 6 and weights (6, 3) / 2
from the three keys that PRNGKey splits into; 3x3 SAME convolutions with relu, the second with stride 2, the mean over
positions, softmax cross entropy with classes 0, 1, 2, 0 on S(4, 6, 6, 2), momentum 0.9, learning rate 0.1; and the same
with Adam at learning rate 0.01. "parameters" are flat, in tree order. In float64 the normals are drawn as float64.
"""

import jax

jax.config.update("jax_threefry_partitionable", False)

import jax.numpy as jnp
import numpy as np
from fixture_support import PEER, C, S, build, dense, flat, layer, serial, write
from jax.example_libraries import optimizers
from jax.experimental import disable_x64, enable_x64

KEY = 5


def train(parameters, loss, rule):
  start, update, get = rule
  state = start(parameters)
  for step in range(10):
    state = update(step, jax.grad(loss)(get(state)), state)
  return get(state)


def mlp(dtype):
  init, apply, _ = build(serial(dense(16, weightStd=1.5, biasStd=0.1), layer("relu"), dense(3)))
  x, y = jnp.asarray(S((8, 5)), dtype), jnp.asarray(C((8, 3)), dtype)
  _, parameters = init(jax.random.PRNGKey(KEY), (8, 5))
  return train(parameters, lambda p: 0.5 * jnp.mean((apply(p, x) - y) ** 2), optimizers.momentum(0.1, 0.9))


def cnn(dtype, rule):
  keys = jax.random.split(jax.random.PRNGKey(KEY), 3)
  shapes = [((3, 3, 2, 4), 4), ((3, 3, 4, 6), 6), ((6, 3), 2)]
  parameters = [jax.random.normal(key, shape, dtype) / scale for key, (shape, scale) in zip(keys, shapes)]
  x = jnp.asarray(S((4, 6, 6, 2)), dtype)
  y = jax.nn.one_hot(jnp.array([0, 1, 2, 0]), 3, dtype=dtype)

  def convolve(x, w, stride):
    return jax.lax.conv_general_dilated(x, w, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

  def loss(p):
    h = jax.nn.relu(convolve(x, p[0], 1))
    h = jax.nn.relu(convolve(h, p[1], 2))
    return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(h.mean((1, 2)) @ p[2]), -1))

  return train(parameters, loss, rule)


cases = []
for dtype, context in [("float32", disable_x64), ("float64", enable_x64)]:
  with context():
    for name, run in [
      ("mlp", lambda: mlp(dtype)),
      ("cnn", lambda: cnn(dtype, optimizers.momentum(0.1, 0.9))),
      ("cnn with Adam", lambda: cnn(dtype, optimizers.adam(0.01))),
    ]:
      arrays = [np.asarray(leaf) for leaf in jax.tree_util.tree_leaves(run())]
      cases.append(
        {
          "name": name,
          "dtype": dtype,
          "parameters": [{"shape": list(a.shape), "values": [float(v) for v in a.ravel()]} for a in arrays],
        }
      )

write("Tests/NeuralTangentsTests/Fixtures/training.json", {"source": f"make_training.py, {PEER}", "key": KEY, "cases": cases}, "cases")
