"""Times the Python library neural-tangents, and NumPy, on the work of the fully connected benchmarks.

    python Benchmarks/peer/fully_connected.py                          # every row below
    python Benchmarks/peer/fully_connected.py '[{"name": "...", ...}]' # a list of rows, as JSON

One JSON line per row: {"name", "seconds_best", "seconds_median", "peak_bytes", "checksum"}. Every row runs in a fresh
process, so that peak_bytes (the process' largest resident size, with the interpreter and the library) is its own. One
untimed warm-up, which includes compilation, then "repeats" timed runs. Checksums are sums of the results in float64, to
see that both sides did the same work.

Rows ("name" is free, everything else has the default shown):
  {"kind": "kernel", "activation": "relu", "dtype": "float32", "rows": 2000, "features": 784, "repeats": 5}
      nngp and ntk of 3 × (Dense(1024), activation), Dense(1) over one data set with itself, jitted; weightStd √2 for
      relu and 1.5 otherwise, biasStd 0.1.
  {"kind": "prediction", "activation": "relu", "dtype": "float32", "rows": 4000, "test_rows": 1000, "features": 784,
   "get": "ntk", "covariance": false, "diagonal": 1e-3, "repeats": 3}
      kernels plus the exact prediction after infinite training, with a jitted kernel function; one output.
  {"kind": "elementwise", "operation": "exp" or "multiply-add", "dtype": "float32", "count": 10000000, "repeats": 7}
      NumPy into existing memory: exp(x), and a·b + c as its two fastest calls.
  {"kind": "import"}
      nothing but the imports, for the memory that is not the work's.

The data are the same on every machine and in every language: element i (row-major, from 0) of the array with seed s is
    z = s + (i + 1)·0x9E3779B97F4A7C15                 (all modulo 2^64)
    z = (z ^ z >> 30)·0xBF58476D1CE4E5B9
    z = (z ^ z >> 27)·0x94D049BB133111EB
    z = z ^ z >> 31
    value = (z >> 11)·2^-52 − 1                        in [−1, 1), exact in float64, then rounded to the dtype
which is SplitMix64. Seeds: 1 training inputs, 2 test inputs, 3 targets, 4 and 5 further operands.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import time

ALL_ROWS = [
  {"name": "imports only", "kind": "import"},
  *[
    {"name": f"kernel, {activation}, {dtype}", "kind": "kernel", "activation": activation, "dtype": dtype}
    for activation in ("relu", "erf")
    for dtype in ("float32", "float64")
  ],
  *[
    {
      "name": f"prediction, {get}{', covariance' if covariance else ''}, {dtype}",
      "kind": "prediction",
      "get": get,
      "covariance": covariance,
      "dtype": dtype,
    }
    for get, covariance in (("ntk", False), ("nngp", True))
    for dtype in ("float32", "float64")
  ],
  {"name": "elementwise, exp, float32", "kind": "elementwise", "operation": "exp"},
  {"name": "elementwise, multiply-add, float32", "kind": "elementwise", "operation": "multiply-add"},
]


def uniform(seed, shape, dtype):
  import numpy as np

  count = 1
  for size in shape:
    count *= size
  with np.errstate(over="ignore"):
    z = np.uint64(seed) + (np.arange(count, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
  return ((z >> np.uint64(11)) * 2.0**-52 - 1).reshape(shape).astype(dtype)


def kernel_function(activation):
  from neural_tangents import stax

  weight = 2**0.5 if activation == "relu" else 1.5
  layers = {"relu": stax.Relu, "erf": stax.Erf, "gelu": stax.Gelu}
  hidden = [part for _ in range(3) for part in (stax.Dense(1024, weight, 0.1), layers[activation]())]
  return stax.serial(*hidden, stax.Dense(1, weight, 0.1))[2]


def kernel_work(row):
  import jax

  x = jax.numpy.asarray(uniform(1, (row.get("rows", 2000), row.get("features", 784)), row["dtype"]))
  kernel_fn = kernel_function(row.get("activation", "relu"))
  compiled = jax.jit(lambda x: tuple(kernel_fn(x, None, ("nngp", "ntk"))))
  return lambda: jax.block_until_ready(compiled(x))


def prediction_work(row):
  import jax
  from neural_tangents import predict

  count, features, dtype = row.get("rows", 4000), row.get("features", 784), row["dtype"]
  train, test, targets = (
    jax.numpy.asarray(uniform(seed, shape, dtype))
    for seed, shape in ((1, (count, features)), (2, (row.get("test_rows", 1000), features)), (3, (count, 1)))
  )
  kernel_fn = jax.jit(kernel_function(row.get("activation", "relu")), static_argnums=2)

  def work():
    # Built anew every time: it keeps the kernels and the factorization, which are the work.
    ensemble = predict.gradient_descent_mse_ensemble(kernel_fn, train, targets, diag_reg=row.get("diagonal", 1e-3))
    result = ensemble(t=None, x_test=test, get=row.get("get", "ntk"), compute_cov=row.get("covariance", False))
    return jax.block_until_ready(jax.tree_util.tree_leaves(result))

  return work


def import_work(row):
  from neural_tangents import predict, stax  # noqa: F401

  return lambda: []


def elementwise_work(row):
  import numpy as np

  count, dtype = row.get("count", 10_000_000), row["dtype"]
  a, b, c = (uniform(seed, (count,), dtype) for seed in (1, 4, 5))
  out = np.empty_like(a)

  def multiply_add():
    np.multiply(a, b, out=out)
    np.add(out, c, out=out)
    return [out]

  def exponential():
    np.exp(a, out=out)
    return [out]

  return {"exp": exponential, "multiply-add": multiply_add}[row["operation"]]


def prepare(row):
  kind = row["kind"]
  if kind != "elementwise":
    import jax

    jax.config.update("jax_enable_x64", row["dtype"] == "float64")
  works = {"kernel": kernel_work, "prediction": prediction_work, "elementwise": elementwise_work, "import": import_work}
  return works[kind](row), {"kernel": 5, "prediction": 3, "elementwise": 7, "import": 1}[kind]


def measure(row, prepare, magnitudes=False, details=None):
  """prepare(row) gives the work, which returns its results, and how often to time it unless the row says.

  details(row, results), if given, is a dictionary of what more to print.
  """
  row = {"dtype": "float32", **row}
  work, repeats = prepare(row)
  result = work()
  times = []
  for _ in range(row.get("repeats", repeats)):
    start = time.perf_counter()
    result = work()
    times.append(time.perf_counter() - start)
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
  import numpy as np

  return {
    "name": row["name"],
    "seconds_best": min(times),
    "seconds_median": statistics.median(times),
    "peak_bytes": peak,
    "checksum": [
      float((np.abs(part) if magnitudes else np.asarray(part)).sum(dtype=np.float64)) for part in result
    ],
    **(details(row, result) if details else {}),
  }


def main(script, all_rows, prepare, magnitudes=False, details=None):
  if len(sys.argv) == 3 and sys.argv[1] == "--row":
    print(json.dumps(measure(json.loads(sys.argv[2]), prepare, magnitudes, details)))
    return 0
  rows = json.loads(sys.argv[1]) if len(sys.argv) > 1 else all_rows
  environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"}
  failed = False
  for row in rows:
    finished = subprocess.run(
      [sys.executable, os.path.abspath(script), "--row", json.dumps(row)],
      env=environment,
      capture_output=True,
      text=True,
    )
    lines = finished.stdout.strip().splitlines()
    if finished.returncode == 0 and lines:
      print(lines[-1], flush=True)
    else:
      failed = True
      print(f"{row.get('name')}: failed\n{finished.stderr[-2000:]}", file=sys.stderr, flush=True)
  return int(failed)


if __name__ == "__main__":
  sys.exit(main(__file__, ALL_ROWS, prepare))
