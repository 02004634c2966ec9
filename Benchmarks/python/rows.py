"""Times the Python package swift_neural_tangents on rows of Benchmarks/peer, as somebody has them who changed one import.

    python Benchmarks/python/rows.py '[{"kind": "kernel", ...}]'

Networks are the peer scripts' own; data are NumPy arrays. Rows of the kinds "kernel", "prediction" and "spatial", whose fields
and printed lines are those of Benchmarks/peer/fully_connected.py and convolutional.py.
"""

import os
import sys

import swift_neural_tangents

# The one import that changes.
sys.modules["neural_tangents"] = swift_neural_tangents
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peer"))

from convolutional import details, layers  # noqa: E402
from fully_connected import kernel_function, main, uniform  # noqa: E402


def kernel_work(row):
  x = uniform(1, (row.get("rows", 2000), row.get("features", 784)), row["dtype"])
  kernel_fn = kernel_function(row.get("activation", "relu"))
  return lambda: tuple(kernel_fn(x, None, ("nngp", "ntk"))), 5


def prediction_work(row):
  count, features, dtype = row.get("rows", 4000), row.get("features", 784), row["dtype"]
  train, test, targets = (
    uniform(seed, shape, dtype)
    for seed, shape in ((1, (count, features)), (2, (row.get("test_rows", 1000), features)), (3, (count, 1)))
  )
  kernel_fn = kernel_function(row.get("activation", "relu"))

  def work():
    ensemble = swift_neural_tangents.predict.gradient_descent_mse_ensemble(
      kernel_fn, train, targets, diag_reg=row.get("diagonal", 1e-3)
    )
    result = ensemble(t=None, x_test=test, get=row.get("get", "ntk"), compute_cov=row.get("covariance", False))
    return list(result) if isinstance(result, tuple) else [result]

  return work, 3


def spatial_work(row):
  shape = tuple(row.get("shape", (32, 32, 3)))

  def images(seed, count):
    return uniform(seed, (count, *shape), "float32").astype(row["dtype"])

  x1 = images(1, row.get("rows", 1))
  x2 = None if row.get("columns") is None else images(2, row["columns"])
  kernel_fn = swift_neural_tangents.stax.serial(*layers(row["network"], row["depth"], len(shape) - 1))[2]
  return lambda: tuple(kernel_fn(x1, x2, ("nngp", "ntk"))), 1


def prepare(row):
  return {"kernel": kernel_work, "prediction": prediction_work, "spatial": spatial_work}[row["kind"]](row)


def more(row, result):
  return details(row, result) if row["kind"] == "spatial" else {}


if __name__ == "__main__":
  sys.exit(main(__file__, [], prepare, details=more))
