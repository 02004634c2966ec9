"""Times the empirical tangent kernels of neural-tangents, jitted, in float32.

    python Benchmarks/peer/empirical.py                          # every row below
    python Benchmarks/peer/empirical.py '[{"name": "...", ...}]' # a list of rows, as JSON

Prints and measures as fully_connected.py does, with data and parameters made as it says: parameter tensor number i has
seed 10 + i. Every implementation that finishes within memory is timed, and the fastest one counts. "operation" is one of
  mlp         784 -> 3 x (Dense 1024, ReLU) -> 10
  conv        3 x (Conv 64, 3x3 SAME, ReLU), global average pool, Dense 10, on 16x16x3
  resnet      Conv 32; residual blocks of 32, 32, 64 (stride 2), 64 channels; ReLU, global average pool, Dense 10, on 16x16x3
  attention   Dense 64, 4-head attention to 64 channels (keys and values 16 each), ReLU, global average pool, Dense 10, on 32x32
"trace": whether the kernel is a mean over the outputs; "product": whether a product with a vector is timed instead.
"""

import sys

from fully_connected import main, uniform

SHAPES = {"mlp": (784,), "conv": (16, 16, 3), "resnet": (16, 16, 3), "attention": (32, 32)}

ALL_ROWS = [
  {"name": f"{operation}, {'traced' if trace else 'full'}", "operation": operation, "rows": rows, "trace": trace}
  for operation, rows in (("mlp", 64), ("conv", 16), ("resnet", 8), ("attention", 8))
  for trace in (True, False)
]


def network(operation):
  from neural_tangents import stax

  head = [stax.GlobalAvgPool(), stax.Dense(10)]
  if operation == "mlp":
    return stax.serial(*[part for _ in range(3) for part in (stax.Dense(1024), stax.Relu())], stax.Dense(10))
  if operation == "conv":
    return stax.serial(*[part for _ in range(3) for part in (stax.Conv(64, (3, 3), padding="SAME"), stax.Relu())], *head)
  if operation == "attention":
    attention = stax.GlobalSelfAttention(64, 16, 16, 4, linear_scaling=True, W_key_std=1.0)
    return stax.serial(stax.Dense(64), attention, stax.Relu(), *head)

  def block(channels, stride):
    main = stax.serial(
      stax.Relu(), stax.Conv(channels, (3, 3), (stride, stride), padding="SAME"),
      stax.Relu(), stax.Conv(channels, (3, 3), padding="SAME"))
    shortcut = stax.Identity() if stride == 1 else stax.Conv(channels, (1, 1), (stride, stride), padding="SAME")
    return stax.serial(stax.FanOut(2), stax.parallel(main, shortcut), stax.FanInSum())

  return stax.serial(
    stax.Conv(32, (3, 3), padding="SAME"), block(32, 1), block(32, 1), block(64, 2), block(64, 1), stax.Relu(), *head)


def prepare(row):
  import time

  import jax
  import neural_tangents as nt

  shape = SHAPES[row["operation"]]
  init_fn, apply_fn, _ = network(row["operation"])
  _, params = init_fn(jax.random.PRNGKey(0), (row["rows"], *shape))
  leaves, tree = jax.tree_util.tree_flatten(params)
  leaves = [jax.numpy.asarray(uniform(10 + i, leaf.shape, "float32")) for i, leaf in enumerate(leaves)]
  params = jax.tree_util.tree_unflatten(tree, leaves)
  x = jax.numpy.asarray(uniform(1, (row["rows"], *shape), "float32"))
  if row.get("product"):
    v = jax.numpy.asarray(uniform(2, (row["rows"], 10), "float32"))
    product = jax.jit(lambda params, x, v: nt.empirical_ntk_vp_fn(apply_fn, x, None, params)(v))
    return lambda: [product(params, x, v).block_until_ready()], 7
  trace = (-1,) if row.get("trace", True) else ()
  best = None
  # The Jacobians of the fully connected network take gigabytes, and its vector products minutes.
  numbers = (3,) if row["operation"] == "mlp" else (1, 2, 3)
  for number in numbers:
    fn = jax.jit(
      nt.empirical_ntk_fn(
        apply_fn, trace_axes=trace, vmap_axes=0, implementation=nt.NtkImplementation(number)))
    fn(x, None, params).block_until_ready()
    start = time.perf_counter()
    fn(x, None, params).block_until_ready()
    seconds = time.perf_counter() - start
    if best is None or seconds < best[0]:
      best = (seconds, fn)
  return lambda: [best[1](x, None, params).block_until_ready()], 5


if __name__ == "__main__":
  sys.exit(main(__file__, ALL_ROWS, prepare))
