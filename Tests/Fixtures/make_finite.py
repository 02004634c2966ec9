"""Writes Tests/NeuralTangentsTests/Fixtures/finite.json: finite networks with the parameters the peer draws.

"parameters" is the flat list of arrays in tree order: layers in order, weights before bias, repeated layers stacked
along a leading axis. PRNGKey("key") initialises, PRNGKey("applyKey") (if not null) goes to the forward pass. The input
is S("input"). In float64 the normals are drawn as float64, so the two types are different networks.
"""

import jax

jax.config.update("jax_threefry_partitionable", False)

import numpy as np
from fixture_support import PEER, S, build, dense, flat, layer, parallel, serial, write
from jax.experimental import disable_x64, enable_x64

networks = []


def add(name, network, shape=(3, 5), key=0, apply_key=None):
  networks.append((name, network, shape, key, apply_key))


def standard(width, scales=(1, 1), **arguments):
  return dense(width, parameterization="standard", widthScales=list(scales), **arguments)


add("one dense layer", serial(dense(4)))
add("one dense layer, not in a serial", dense(4, weightStd=1.3, biasStd=0.2), key=42)
add("bias does not change the weights", serial(dense(4, biasStd=0.5)))
add("zero bias scale", serial(dense(4, biasStd=0), layer("relu"), dense(2)), key=3)
for name, arguments in [
  ("relu", {}),
  ("abs", {}),
  ("leakyRelu", {"alpha": 0.1}),
  ("abRelu", {"a": -0.3, "b": 0.8}),
  ("erf", {}),
  ("erf", {"a": 0.7, "b": 1.3, "c": 0.2}),
  ("sin", {"a": 0.7, "b": 1.3, "c": 0.3}),
  ("cos", {}),
  ("sigmoidLike", {}),
  ("gelu", {}),
  ("gelu", {"approximate": True}),
  ("rbf", {"gamma": 0.4}),
  ("gaussian", {"a": 0.7, "b": -0.6}),
  ("exp", {"a": 0.7, "b": 0.5}),
  ("gabor", {}),
  ("sign", {}),
  ("monomial", {"degree": 3}),
  ("rectifiedMonomial", {"degree": 2}),
  ("rectifiedMonomial", {"degree": 0}),
  ("polynomial", {"coefficients": [1.3, 0, -1.2, -0.5]}),
  ("numerical", {"function": "tanh"}),
]:
  described = ", ".join([name] + [f"{key} {value}" for key, value in arguments.items()])
  add(
    described,
    serial(dense(5, weightStd=1.4, biasStd=0.1), layer(name, **arguments), dense(2, biasStd=0.3)),
    (2, 4),
    key=7,
  )
for degree in (0, 1, 2, 3, 6):
  add(
    f"hermite, degree {degree}",
    serial(dense(5, weightStd=1.4), layer("layerNorm"), layer("hermite", degree=degree), dense(2)),
    (2, 4),
    key=8,
  )
add(
  "three hidden layers",
  serial(
    dense(8, weightStd=1.5, biasStd=0.1),
    layer("relu"),
    dense(7, weightStd=1.2),
    layer("erf"),
    dense(6, biasStd=0.2),
    layer("gelu"),
    dense(2),
  ),
  key=2**32 + 5,
)
add(
  "nested serial",
  serial(serial(dense(4), layer("relu")), serial(serial(dense(3, biasStd=0.1)), layer("erf")), dense(2)),
  key=11,
)
add("identity layers take keys too", serial(layer("identity"), dense(4), layer("identity"), dense(2)), key=11)
add("standard, one layer", serial(standard(4, weightStd=1.3, biasStd=0.2)), key=12)
add(
  "standard, scales 1-2-1",
  serial(
    standard(4, (1, 2), weightStd=1.5, biasStd=0.1), layer("relu"), standard(2, (2, 1), weightStd=1.2, biasStd=0.4)
  ),
  key=13,
)
add(
  "standard, scales 1-2-3-1",
  serial(standard(4, (1, 2)), layer("erf"), standard(2, (2, 3), biasStd=0.1), layer("erf"), standard(2, (3, 1))),
  key=14,
)
add(
  "layerNorm",
  serial(
    dense(6, weightStd=1.3, biasStd=0.2),
    layer("layerNorm", epsilon=0.01),
    layer("relu"),
    dense(4),
    layer("layerNorm", axes=[0, 1]),
    layer("erf"),
    dense(2),
  ),
  key=15,
)
dropout = serial(
  dense(8, weightStd=1.4),
  layer("relu"),
  layer("dropout", keepRate=0.7),
  dense(8),
  layer("relu"),
  layer("dropout", keepRate=0.5),
  dense(2),
)
add("dropout, train", dropout, (4, 5), key=16, apply_key=17)
add("dropout, train, another key", dropout, (4, 5), key=16, apply_key=2**33 + 18)
add("dropout, test", serial(dense(6), layer("dropout", keepRate=0.7, mode="test"), dense(2)), key=16, apply_key=1)
add(
  "dropout in branches",
  serial(
    dense(6),
    layer("fanOut", count=2),
    parallel(
      serial(layer("relu"), layer("dropout", keepRate=0.5)), serial(layer("erf"), layer("dropout", keepRate=0.8))
    ),
    layer("fanInConcat"),
    dense(2),
  ),
  (4, 5),
  key=19,
  apply_key=20,
)
block = serial(layer("relu"), dense(4, weightStd=1.4, biasStd=0.1))
add("repeat 3", serial(dense(4), layer("repeat", layer=block, count=3), dense(2)), key=21)
add("repeat 1", serial(dense(4), layer("repeat", layer=block, count=1), dense(2)), key=21)
add("the same without repeat", serial(dense(4), serial(block, block, block), dense(2)), key=21)
residual = serial(
  layer("fanOut", count=2), parallel(serial(layer("erf"), dense(4, biasStd=0.1)), layer("identity")), layer("fanInSum")
)
add("repeated residual block", serial(dense(4), layer("repeat", layer=residual, count=2), dense(2)), key=22)
add(
  "parallel, sum",
  serial(
    dense(5),
    layer("fanOut", count=3),
    parallel(serial(layer("relu"), dense(4)), serial(layer("erf"), dense(4, biasStd=0.2)), dense(4, weightStd=0.3)),
    layer("fanInSum"),
    dense(2),
  ),
  key=23,
)
add(
  "parallel, product",
  serial(
    dense(5),
    layer("fanOut", count=2),
    parallel(serial(layer("relu"), dense(4)), serial(layer("sin"), dense(4))),
    layer("fanInProduct"),
    dense(2),
  ),
  key=24,
)
add(
  "parallel, concatenation of widths 3 and 5",
  serial(
    layer("fanOut", count=2),
    parallel(serial(dense(3), layer("relu")), dense(5, biasStd=0.2)),
    layer("fanInConcat"),
    dense(2),
  ),
  key=25,
)
add(
  "batch axis 1",
  serial(
    dense(4, batchAxis=1, channelAxis=0, biasStd=0.2), layer("relu"), dense(2, batchAxis=1, channelAxis=0, biasStd=0.1)
  ),
  (5, 3),
  key=26,
)
add("flatten", serial(dense(4), layer("relu"), layer("flatten"), dense(2)), key=27)


def entry(name, network, shape, key, apply_key, dtype):
  init_fn, apply_fn, _ = build(network)
  _, parameters = init_fn(jax.random.PRNGKey(np.int64(key)), shape)
  rng = {} if apply_key is None else {"rng": jax.random.PRNGKey(np.int64(apply_key))}
  output = apply_fn(parameters, S(shape).astype(dtype), **rng)
  leaves = jax.tree_util.tree_leaves(parameters)
  assert all(leaf.dtype == dtype for leaf in [*leaves, output]), name
  return {
    "name": name,
    "network": network,
    "dtype": dtype,
    "key": key,
    "applyKey": apply_key,
    "input": list(shape),
    "parameters": [flat(leaf) for leaf in leaves],
    "output": flat(output),
  }


if __name__ == "__main__":
  entries = []
  for dtype, context in (("float32", disable_x64), ("float64", enable_x64)):
    with context():
      for name, network, shape, key, apply_key in networks:
        if dtype == "float32" and max(key, apply_key or 0) >= 2**32:
          continue  # without 64-bit integers the peer drops the high word of the seed
        entries.append(entry(name, network, shape, key, apply_key, dtype))
  write(
    "Tests/NeuralTangentsTests/Fixtures/finite.json",
    {"source": f"Tests/Fixtures/make_finite.py with {PEER}, jax_threefry_partitionable=False", "networks": entries},
    "networks",
  )
