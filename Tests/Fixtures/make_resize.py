"""resize.json: resized arrays by every method, and general products, of jax.

"resizes": {"shape", "target", "method", "antialias", "values"}: C(shape) resized to target, row-major.
"products": {"lhs", "rhs": shapes, "contracting", "batch": [axes of lhs, axes of rhs], "shape", "values"}: the general
product of S(lhs) and C(rhs).
"""

import itertools

from fixture_support import PEER, C, S, jax, np, write

jax.config.update("jax_enable_x64", True)

METHODS = ["nearest", "linear", "cubic", "lanczos3", "lanczos5"]
SIZES = [(1, 3), (2, 1), (2, 5), (3, 2), (3, 7), (5, 3), (5, 4), (7, 2), (7, 20), (11, 3), (13, 6), (20, 7)]


def resize(shape, target, method, antialias):
  values = jax.image.resize(jax.numpy.asarray(C(shape)), target, method, antialias=antialias)
  return {
    "shape": list(shape),
    "target": list(target),
    "method": method,
    "antialias": antialias,
    "values": np.asarray(values, np.float64).reshape(-1).tolist(),
  }


def resizes():
  for method, antialias in itertools.product(METHODS, (True, False)):
    for m, n in SIZES:
      yield resize((1, m, 2), (1, n, 2), method, antialias)
    for target in [(2, 3, 9, 2), (4, 3, 5, 2), (3, 7, 2, 2), (1, 1, 1, 2)]:
      yield resize((2, 4, 5, 2), target, method, antialias)
  for name in ("bilinear", "trilinear", "triangle", "bicubic", "tricubic"):
    yield resize((1, 4, 6, 2), (1, 3, 8, 2), name, True)
  # Nearest where outputs lie between two inputs.
  for m, n in itertools.product(range(1, 13), range(1, 13)):
    if (m + n) % 3 == 0:
      yield resize((1, m, 1), (1, n, 1), "nearest", True)


def product(lhs, rhs, contracting, batch):
  values = np.asarray(jax.lax.dot_general(S(lhs), C(rhs), (contracting, batch), precision=jax.lax.Precision.HIGHEST))
  return {
    "lhs": list(lhs),
    "rhs": list(rhs),
    "contracting": contracting,
    "batch": batch,
    "shape": list(values.shape),
    "values": values.reshape(-1).tolist(),
  }


products = [
  product((2, 3, 4, 5), (), ([], []), ([], [])),
  product((), (2, 3, 5), ([], []), ([], [])),
  product((2, 3, 4, 5), (4, 6), ([2], [0]), ([], [])),
  product((6, 3), (2, 3, 4, 5), ([1], [1]), ([], [])),
  product((2, 3, 4, 5), (4, 2, 3), ([1], [2]), ([2, 0], [0, 1])),
  product((4, 7, 2), (2, 3, 4, 5), ([], []), ([2, 0], [0, 2])),
  product((2, 3, 4, 5), (6, 4, 3), ([1, 2], [2, 1]), ([], [])),
  product((2, 3, 4, 5), (6, 7), ([], []), ([], [])),
  product((6, 4, 3), (2, 3, 4, 5), ([2], [1]), ([1], [2])),
]

if __name__ == "__main__":
  source = f"Tests/Fixtures/make_resize.py: {PEER}, float64"
  write(
    "Tests/NeuralTangentsTests/Fixtures/resize.json",
    {"source": source, "products": products, "resizes": list(resizes())},
    "resizes",
  )
