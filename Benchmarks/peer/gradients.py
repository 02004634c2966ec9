"""Times the Python library neural-tangents on gradients of kernels in their inputs.

    python Benchmarks/peer/gradients.py                          # every row below
    python Benchmarks/peer/gradients.py '[{"name": "...", ...}]' # a list of rows, as JSON

Prints and measures as fully_connected.py does, with the same data; checksums are sums of magnitudes.

Rows ("name" is free, everything else has the default shown):
  {"kind": "gradient", "operation": "dense", "shape": [784], "rows": 16, "dtype": "float32", "repeats": 3}
      the value of sum(W * ntk(x1, x2) + V * nngp(x1, x2)) and its gradient in x1 and x2, jitted: 3 × (Dense, Relu), or
      3 × (Conv 3×3 SAME, Relu, AvgPool 2×2) with Flatten ("poolsFlatten") or GlobalAvgPool ("poolsGap"), then Dense.
      Weights √2, biases 0.1. Seeds: 1 and 2 inputs, 3 W, 4 V.
"""

import sys

from fully_connected import main, uniform

ALL_ROWS = [
  {"name": "gradient, dense", "kind": "gradient", "operation": "dense", "shape": [784], "rows": 500},
  {"name": "gradient, poolsFlatten", "kind": "gradient", "operation": "poolsFlatten", "shape": [16, 16, 3]},
  {"name": "gradient, poolsGap", "kind": "gradient", "operation": "poolsGap", "shape": [16, 16, 3]},
]


def layers(operation):
  from neural_tangents import stax

  weight, bias = 2**0.5, 0.1
  if operation == "dense":
    hidden = [part for _ in range(3) for part in (stax.Dense(1024, weight, bias), stax.Relu())]
  else:
    hidden = [
      part
      for _ in range(3)
      for part in (stax.Conv(128, (3, 3), (1, 1), "SAME", weight, bias), stax.Relu(), stax.AvgPool((2, 2), (2, 2)))
    ]
    hidden.append(stax.Flatten() if operation == "poolsFlatten" else stax.GlobalAvgPool())
  return [*hidden, stax.Dense(10, weight, bias)]


def prepare(row):
  import jax

  jax.config.update("jax_enable_x64", row["dtype"] == "float64")
  from neural_tangents import stax

  count, shape, dtype = row.get("rows", 16), tuple(row.get("shape", (784,))), row["dtype"]
  kernel_fn = stax.serial(*layers(row.get("operation", "dense")))[2]
  x1, x2 = (jax.numpy.asarray(uniform(seed, (count, *shape), dtype)) for seed in (1, 2))
  w, v = (jax.numpy.asarray(uniform(seed, (count, count), dtype)) for seed in (3, 4))

  def value(x1, x2):
    nngp, ntk = kernel_fn(x1, x2, ("nngp", "ntk"))
    return (w * ntk + v * nngp).sum()

  compiled = jax.jit(jax.value_and_grad(value, argnums=(0, 1)))

  def work():
    total, (g1, g2) = jax.block_until_ready(compiled(x1, x2))
    return [total, g1, g2]

  return work, 3


if __name__ == "__main__":
  sys.exit(main(__file__, ALL_ROWS, prepare, magnitudes=True))
