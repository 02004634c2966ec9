"""Writes Tests/TensorsTests/Fixtures/random.json: JAX's default generator (Threefry-2x32, not partitionable).

Keys are pairs of unsigned 32-bit words. A key comes from a 64-bit seed as (seed >> 32, seed & 0xffffffff); negative
seeds are two's complement. Bits and integers are exact; 64-bit unsigned values are decimal strings because JSON numbers
lose bits. Large draws are given by their sum modulo 2^bits, the first four and the last four values. Floats of
float32 draws are the exact float32 value written as float64.
"""

import jax

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_threefry_partitionable", False)

import jax.numpy as jnp
import numpy as np
from fixture_support import PEER, flat, write

random = jax.random
SEEDS = [0, 1, 42, 2**32 - 1, 2**32, 0x0123456789ABCDEF, 2**63 - 1, -1, -(2**63)]
entries = []


def words(key):
  return np.asarray(key).reshape(-1, 2).tolist()


def one(key):
  return np.asarray(key).tolist()


def unsigned(array):
  """uint64 as decimal strings, smaller integers as numbers."""
  array = np.asarray(array).reshape(-1)
  return [str(v) for v in array.tolist()] if array.dtype == np.uint64 else array.tolist()


def key_of(seed):
  return random.PRNGKey(np.int64(seed))


for seed in SEEDS:
  entries.append({"op": "key", "seed": str(seed), "key": one(key_of(seed))})

for seed in SEEDS[:6]:
  key = key_of(seed)
  for count in range(1, 6):
    entries.append({"op": "split", "key": one(key), "count": count, "keys": words(random.split(key, count))})
  for data in (0, 1, 7, 123456789, 2**32 - 1):
    entries.append({"op": "foldIn", "key": one(key), "data": data, "result": one(random.fold_in(key, np.uint32(data)))})
chain = key_of(5)
for _ in range(10):
  chain, leaf = random.split(chain)
entries.append(
  {"op": "splitChain", "key": one(key_of(5)), "steps": 10, "key_after": one(chain), "last_leaf": one(leaf)}
)

for seed in (0, 42, 0x0123456789ABCDEF):
  key = key_of(seed)
  for width in (8, 16, 32, 64):
    for shape in ((), (1,), (2,), (3,), (4,), (5,), (8,), (13,), (3, 5)):
      bits = np.asarray(random.bits(key, shape, dtype=f"uint{width}"))
      entries.append({"op": "bits", "key": one(key), "width": width, "shape": list(shape), "values": unsigned(bits)})
    for size in (1000, 10001):
      bits = np.asarray(random.bits(key, (size,), dtype=f"uint{width}"))
      total = sum(bits.tolist()) % 2**width
      entries.append(
        {
          "op": "bitsChecksum",
          "key": one(key),
          "width": width,
          "shape": [size],
          "sum": str(total),
          "first": unsigned(bits[:4]),
          "last": unsigned(bits[-4:]),
        }
      )

SHAPES = ((), (1,), (2,), (7,), (3, 5), (2, 3, 4))
for seed in (0, 1, 42, 0x0123456789ABCDEF):
  key = key_of(seed)
  for dtype in ("float32", "float64"):
    for shape in SHAPES:
      entries.append(
        {
          "op": "uniform",
          "key": one(key),
          "dtype": dtype,
          "minimum": 0.0,
          "maximum": 1.0,
          **flat(random.uniform(key, shape, dtype)),
        }
      )
      entries.append({"op": "normal", "key": one(key), "dtype": dtype, **flat(random.normal(key, shape, dtype))})
    for minimum, maximum in ((-1.0, 1.0), (0.25, 0.75), (-3.0, 5.5), (1e-7, 1e7)):
      entries.append(
        {
          "op": "uniform",
          "key": one(key),
          "dtype": dtype,
          "minimum": minimum,
          "maximum": maximum,
          **flat(random.uniform(key, (5,), dtype, minimum, maximum)),
        }
      )
    for op, draw in (("uniformLarge", random.uniform), ("normalLarge", random.normal)):
      values = np.asarray(draw(key, (100_003,), dtype))
      entries.append(
        {
          "op": op,
          "key": one(key),
          "dtype": dtype,
          "shape": [100_003],
          "sum": float(values.astype(np.float64).sum()),
          "sumOfSquares": float((values.astype(np.float64) ** 2).sum()),
          "minimum": float(values.min()),
          "maximum": float(values.max()),
          "first": flat(values[:4])["values"],
          "last": flat(values[-4:])["values"],
        }
      )

# The type of p decides the type of the uniform draw behind it.
for seed in (0, 42):
  key = key_of(seed)
  for dtype in ("float32", "float64"):
    for p in (0.0, 0.1, 0.5, 0.9, 1.0):
      drawn = np.asarray(random.bernoulli(key, np.dtype(dtype).type(p), (41,)))
      entries.append(
        {
          "op": "bernoulli",
          "key": one(key),
          "dtype": dtype,
          "p": p,
          "shape": [41],
          "values": drawn.astype(int).tolist(),
        }
      )
    drawn = np.asarray(random.bernoulli(key, np.dtype(dtype).type(0.3), (3, 5)))
    entries.append(
      {
        "op": "bernoulli",
        "key": one(key),
        "dtype": dtype,
        "p": 0.3,
        "shape": [3, 5],
        "values": drawn.reshape(-1).astype(int).tolist(),
      }
    )

for seed in (0, 42, 0x0123456789ABCDEF):
  key = key_of(seed)
  for size in (1, 2, 3, 10, 100):
    entries.append(
      {"op": "permutation", "key": one(key), "size": size, "values": np.asarray(random.permutation(key, size)).tolist()}
    )
  for size in (1000, 2345):
    order = np.asarray(random.permutation(key, size)).tolist()
    entries.append(
      {
        "op": "permutationChecksum",
        "key": one(key),
        "size": size,
        "first": order[:10],
        "last": order[-10:],
        "weightedSum": sum(i * v for i, v in enumerate(order)),
      }
    )
  items = 0.5 * np.arange(10) - 2
  entries.append(
    {
      "op": "permutationOfArray",
      "key": one(key),
      "axis": 0,
      "input": flat(items),
      "output": flat(random.permutation(key, items)),
    }
  )
  table = np.arange(12.0).reshape(4, 3)
  for axis in (0, 1):
    entries.append(
      {
        "op": "permutationOfArray",
        "key": one(key),
        "axis": axis,
        "input": flat(table),
        "output": flat(random.permutation(key, table, axis=axis)),
      }
    )

for seed in (0, 42):
  key = key_of(seed)
  for low, high in (
    (0, 1),
    (0, 2),
    (0, 10),
    (-5, 5),
    (-100, -90),
    (3, 4),
    (5, 5),
    (7, 3),
    (0, 2**16),
    (0, 65537),
    (0, 2**31 - 1),
    (-(2**31), 2**31 - 1),
    (-(2**31), 0),
  ):
    entries.append(
      {
        "op": "integers",
        "key": one(key),
        "type": "int32",
        "minimum": str(low),
        "maximum": str(high),
        **flat(random.randint(key, (7,), np.int32(low), np.int32(high), jnp.int32)),
      }
    )
  for low, high in ((0, 10), (-5, 5), (0, 2**40), (-(2**63), 2**63 - 1), (-(2**62), 2**62)):
    drawn = np.asarray(random.randint(key, (7,), np.int64(low), np.int64(high), jnp.int64))
    entries.append(
      {
        "op": "integers",
        "key": one(key),
        "type": "int64",
        "minimum": str(low),
        "maximum": str(high),
        "shape": [7],
        "values": [str(v) for v in drawn.tolist()],
      }
    )

write(
  "Tests/TensorsTests/Fixtures/random.json",
  {
    "source": f"Tests/Fixtures/make_random.py with {PEER}, jax_threefry_partitionable=False, jax_enable_x64=True",
    "entries": entries,
  },
  "entries",
)
