"""Times the Python library neural-tangents on kernels of convolutional networks.

    python Benchmarks/peer/convolutional.py                          # every row below
    python Benchmarks/peer/convolutional.py '[{"name": "...", ...}]' # a list of rows, as JSON

Prints and measures as fully_connected.py does, with the same data, and adds "entries", how many were computed, and
"corner", the first rows and columns of nngp and ntk, row by row. Inputs are rounded to float32 in every precision.

Rows ("name" is free, everything else has the default shown):
  {"kind": "spatial", "network": "convGap", "depth": 21, "shape": [32, 32, 3], "dtype": "float32", "rows": 1,
   "columns": 1, "corner": 2, "repeats": 1}
      nngp and ntk of "rows" inputs with "columns" others, or with themselves where "columns" is missing, jitted.
      Weights √2, biases 0.1, ReLU. "batch" > 0 has nt.batch cut the work into pieces of that many inputs a side.

Networks, all with a dense layer at the end:
  convVec, convGap   "depth" convolutions with windows of 3, then flattened or averaged over all positions
  convPool           "depth" convolutions, an average pool of 2×2, then flattened
  myrtle             Myrtle-"depth": 5, 7 or 10
  wideResNet         a wide residual network of "depth" layers, 6·blocks + 4, averaged over all positions
"""

import sys

from fully_connected import main, uniform

ALL_ROWS = [
  {"name": network, "kind": "spatial", "network": network, "depth": depth}
  for network, depth in (("convVec", 21), ("convGap", 21), ("convPool", 21), ("myrtle", 10), ("wideResNet", 16))
]


def layers(name, depth, axes):
  from neural_tangents import stax

  letters = "HWD"[:axes]
  dimension_numbers = (f"N{letters}C", f"{letters}IO", f"N{letters}C")
  weight, bias = 2**0.5, 0.1

  def convolution(stride=1):
    return stax.Conv(128, (3,) * axes, (stride,) * axes, "SAME", weight, bias, dimension_numbers)

  def convolutions(count):
    return [part for _ in range(count) for part in (convolution(), stax.Relu())]

  def pool():
    return stax.AvgPool((2,) * axes, (2,) * axes)

  def block(stride, is_first):
    main = stax.serial(stax.Relu(), convolution(stride), stax.Relu(), convolution())
    shortcut = convolution(stride) if is_first else stax.Identity()
    return stax.serial(stax.FanOut(2), stax.parallel(main, shortcut), stax.FanInSum())

  readout = stax.Dense(10, weight, bias)
  if name == "convVec":
    return [*convolutions(depth), stax.Flatten(), readout]
  if name == "convGap":
    return [*convolutions(depth), stax.GlobalAvgPool(), readout]
  if name == "convPool":
    return [*convolutions(depth), pool(), stax.Flatten(), readout]
  if name == "myrtle":
    groups = {5: (2, 1, 1), 7: (2, 2, 2), 10: (3, 3, 3)}[depth]
    hidden = [part for group in groups for part in (*convolutions(group), pool())]
    return [*hidden, pool(), pool(), stax.Flatten(), readout]
  if name == "wideResNet":
    count = (depth - 4) // 6
    blocks = [block(2 if group > 0 and i == 0 else 1, i == 0) for group in range(3) for i in range(count)]
    return [convolution(), *blocks, stax.GlobalAvgPool(), readout]
  raise ValueError(f"no network is called {name}")


def prepare(row):
  import jax

  jax.config.update("jax_enable_x64", row["dtype"] == "float64")
  import neural_tangents as nt
  from neural_tangents import stax

  shape = tuple(row.get("shape", (32, 32, 3)))
  rows, columns = row.get("rows", 1), row.get("columns")

  def images(seed, count):
    return jax.numpy.asarray(uniform(seed, (count, *shape), "float32").astype(row["dtype"]))

  x1, x2 = images(1, rows), None if columns is None else images(2, columns)
  kernel_fn = stax.serial(*layers(row["network"], row["depth"], len(shape) - 1))[2]
  if row.get("batch", 0) > 0:
    kernel_fn = nt.batch(kernel_fn, batch_size=row["batch"], device_count=0)
    compiled = lambda: kernel_fn(x1, x2, ("nngp", "ntk"))
  else:
    jitted = jax.jit(lambda x1, x2: tuple(kernel_fn(x1, x2, ("nngp", "ntk"))))
    compiled = lambda: jitted(x1, x2)
  return lambda: jax.block_until_ready(tuple(compiled())), 1


def details(row, result):
  import numpy as np

  corner = row.get("corner", 2)
  return {
    "entries": int(np.size(result[0])),
    "corner": [float(number) for part in result for number in np.asarray(part)[:corner, :corner].ravel()],
  }


if __name__ == "__main__":
  sys.exit(main(__file__, ALL_ROWS, prepare, details=details))
