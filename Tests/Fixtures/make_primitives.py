"""Writes Tests/TensorsTests/Fixtures/primitives.json: primitives and their derivatives, in float64.

"functions" are {"name", "points", "values", "first", "second"}: elementary functions by NumPy and SciPy, the first
derivative by a complex step, Im f(x + i h) / h with h = 1e-200 (which has no rounding error), the second one by mpmath at
40 digits. "entries" are {"primitive", "attributes", "inputs", "integers", "output", "tangent"}: results by NumPy and SciPy,
and the directional derivative by JAX along tangents C(shape) + i for the floating-point input number i. "integers" says
which inputs are int32.
"""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import scipy
import scipy.special
from fixture_support import C, S, flat, write

jax.config.update("jax_enable_x64", True)
mpmath.mp.dps = 40

STEP = 1e-200
FUNCTIONS = [
  ("negate", lambda x: -x, lambda x: -x, (-2, 2)),
  ("square", lambda x: x * x, lambda x: x * x, (-2, 2)),
  ("sqrt", np.sqrt, mpmath.sqrt, (0.1, 4)),
  ("rsqrt", lambda x: 1 / np.sqrt(x), lambda x: 1 / mpmath.sqrt(x), (0.1, 4)),
  ("reciprocal", lambda x: 1 / x, lambda x: 1 / x, (0.2, 3)),
  ("cbrt", lambda x: x ** (1 / 3.0), mpmath.cbrt, (0.2, 3)),
  ("exp", np.exp, mpmath.exp, (-3, 3)),
  ("expm1", np.expm1, mpmath.expm1, (-3, 3)),
  ("log", np.log, mpmath.log, (0.1, 4)),
  ("log1p", np.log1p, mpmath.log1p, (-0.9, 3)),
  ("sin", np.sin, mpmath.sin, (-4, 4)),
  ("cos", np.cos, mpmath.cos, (-4, 4)),
  ("tan", np.tan, mpmath.tan, (-1.4, 1.4)),
  ("asin", np.arcsin, mpmath.asin, (-0.95, 0.95)),
  ("acos", np.arccos, mpmath.acos, (-0.95, 0.95)),
  ("atan", np.arctan, mpmath.atan, (-3, 3)),
  ("sinh", np.sinh, mpmath.sinh, (-3, 3)),
  ("cosh", np.cosh, mpmath.cosh, (-3, 3)),
  ("tanh", np.tanh, mpmath.tanh, (-3, 3)),
  ("asinh", np.arcsinh, mpmath.asinh, (-3, 3)),
  ("acosh", np.arccosh, mpmath.acosh, (1.1, 4)),
  ("atanh", np.arctanh, mpmath.atanh, (-0.95, 0.95)),
  ("erf", scipy.special.erf, mpmath.erf, (-2.5, 2.5)),
  ("erfc", scipy.special.erfc, mpmath.erfc, (-2.5, 2.5)),
  ("erfInverse", scipy.special.erfinv, mpmath.erfinv, (-0.95, 0.95)),
]


def first_derivative(name, f, exact, x):
  if name == "erfInverse":  # SciPy has it for real numbers only.
    return float(mpmath.diff(exact, mpmath.mpf(x)))
  if name in ("erf", "erfc"):  # SciPy's complex erf is accurate near the axis, not so far inside of it as 1e-200.
    return float(mpmath.diff(exact, mpmath.mpf(x)))
  return float(np.imag(f(np.complex128(complex(x, STEP)))) / STEP)


functions = []
for name, f, exact, (low, high) in FUNCTIONS:
  points = [float(x) for x in np.linspace(low, high, 23)]
  functions.append(
    {
      "name": name,
      "points": points,
      "values": [float(f(x)) for x in points],
      "first": [first_derivative(name, f, exact, x) for x in points],
      "second": [float(mpmath.diff(exact, mpmath.mpf(x), 2)) for x in points],
    }
  )

entries = []


def add(primitive, attributes, inputs, output, traced):
  """`traced` is the same function in JAX."""
  inputs = [np.asarray(x) for x in inputs]
  integers = [bool(np.issubdtype(x.dtype, np.integer)) for x in inputs]
  real = [i for i, whole in enumerate(integers) if not whole]
  tangents = [C(inputs[i].shape) + i for i in real]

  def of_real(*values):
    arguments = list(inputs)
    for i, value in zip(real, values):
      arguments[i] = value
    return traced(*[jnp.asarray(x) for x in arguments])

  _, tangent = jax.jvp(of_real, [inputs[i] for i in real], tangents)
  entries.append(
    {
      "primitive": primitive,
      "attributes": attributes,
      "inputs": [flat(x) for x in inputs],
      "integers": integers,
      "output": flat(output),
      "tangent": flat(np.asarray(tangent, dtype=np.float64)),
    }
  )


def whole(*values):
  return np.array(values, dtype=np.int32)


def positive_definite(*shape):
  i = np.arange(float(np.prod(shape)))
  a = np.sin(0.37 * i * i + 0.1).reshape(shape)
  return a @ np.swapaxes(a, -1, -2) + 0.5 * np.eye(shape[-1])


# Elementwise with broadcasting.
for a, b in [((3, 4), (4,)), ((2, 1), (1, 3)), ((), (3,)), ((0, 3), (1,)), ((1, 1), (1, 1))]:
  x, y = S(a), 1.5 + C(b)
  for name, np_function, jax_function in [
    ("add", np.add, jnp.add),
    ("subtract", np.subtract, jnp.subtract),
    ("multiply", np.multiply, jnp.multiply),
    ("divide", np.divide, jnp.divide),
    ("minimum", np.minimum, jnp.minimum),
    ("maximum", np.maximum, jnp.maximum),
    ("atan2", np.arctan2, jnp.arctan2),
  ]:
    add(name, {}, [x, y], np_function(x, y), jax_function)
  add("power", {}, [2 + x, y], np.power(2 + x, y), jnp.power)
  add("multiplyAdd", {}, [x, y, x], x * y + x, lambda x, y, z: x * y + z)

# Reductions, order.
for shape, axes in [((3, 4), [0]), ((3, 4), [1]), ((2, 3, 4), [0, 2]), ((1, 3), [0]), ((0, 3), [1]), ((5,), [0])]:
  x = S(shape)
  for name, np_function, jax_function in [
    ("reduceSum", np.sum, jnp.sum),
    ("reduceProduct", np.prod, jnp.prod),
    ("reduceMin", np.min, jnp.min),
    ("reduceMax", np.max, jnp.max),
  ]:
    add(
      name, {"axes": axes}, [x], np_function(x, axis=tuple(axes)), lambda x, f=jax_function: f(x, axis=tuple(axes))
    )
for shape, axis in [((6,), 0), ((3, 4), 0), ((3, 4), 1), ((2, 3, 2), 1), ((0, 3), 0), ((1,), 0)]:
  x = S(shape)
  add("sort", {"axis": axis}, [x], np.sort(x, axis=axis), lambda x: jnp.sort(x, axis=axis))
  add("cumulativeSum", {"axis": axis}, [x], np.cumsum(x, axis=axis), lambda x: jnp.cumsum(x, axis=axis))

# Positions.
for shape, axis, places in [
  ((5,), 0, whole(3, 0, 3)),
  ((3, 4), 1, whole(1, 1)),
  ((2, 3, 2), 1, whole(2, 0, 1, 2).reshape(2, 2)),
  ((3, 2), 0, whole()),
]:
  x = S(shape)
  add("take", {"axis": axis}, [x, places], np.take(x, places, axis=axis), lambda x, p: jnp.take(x, p, axis=axis))
  cotangent = C(shape[:axis] + places.shape + shape[axis + 1 :])
  scattered = np.zeros(shape)
  lined = np.moveaxis(cotangent.reshape(shape[:axis] + (places.size,) + shape[axis + 1 :]), axis, 0)
  np.add.at(np.moveaxis(scattered, axis, 0), places.ravel(), lined)

  def scatter(values, p):
    zeros = jnp.moveaxis(jnp.zeros(shape), axis, 0)
    moved = jnp.moveaxis(values.reshape(shape[:axis] + (p.size,) + shape[axis + 1 :]), axis, 0)
    return jnp.moveaxis(zeros.at[p.ravel()].add(moved), 0, axis)

  add("scatterAdd", {"axis": axis, "size": shape[axis]}, [cotangent, places], scattered, scatter)
for shape, axis, places in [
  ((4,), 0, whole(3, 3)),
  ((2, 3), 1, whole(2, 0, 0, 1).reshape(2, 2)),
  ((2, 3), 0, whole(1, 0, 1, 0, 0, 1).reshape(2, 3)),
]:
  x = S(shape)
  taken = np.take_along_axis(x, places, axis)
  add("takeAlong", {"axis": axis}, [x, places], taken, lambda x, p: jnp.take_along_axis(x, p, axis))
for shape, sizes, starts in [((5,), [2], [2]), ((3, 4), [2, 3], [2, -4]), ((2, 3, 2), [1, 3, 1], [1, 0, 9])]:
  x, update, starts = S(shape), C(sizes), whole(*starts)
  inside = [min(max(int(s), 0), n - k) for s, n, k in zip(starts, shape, sizes)]
  region = tuple(slice(s, s + k) for s, k in zip(inside, sizes))

  # JAX counts negative starts from the end, so the clamped ones are given.
  def block(x, _):
    return x[region]

  def replaced(x, u, _):
    return x.at[region].set(u)

  changed = x.copy()
  changed[region] = update
  add("dynamicSlice", {"sizes": sizes}, [x, starts], x[region], block)
  add("dynamicUpdateSlice", {}, [x, update, starts], changed, replaced)

# Padding: JAX's own primitive has the same meaning; NumPy places the elements by hand where nothing is cropped.
for shape, low, high, interior in [
  ((3,), [1], [2], [2]),
  ((2, 3), [0, 2], [1, 0], [1, 3]),
  ((4,), [-2], [1], [1]),
  ((3, 2), [1, -1], [-2, 3], [2, 0]),
]:
  x, value = S(shape), np.float64(0.7)

  def padded(x, v):
    return jax.lax.pad(x, v, list(zip(low, high, interior)))

  full = np.full([(n - 1) * (k + 1) + 1 for n, k in zip(shape, interior)], value)
  full[tuple(slice(None, None, k + 1) for k in interior)] = x
  positive = [(max(a, 0), max(b, 0)) for a, b in zip(low, high)]
  wide = np.pad(full, positive, constant_values=value)
  output = wide[tuple(slice(max(-a, 0), n - max(-b, 0)) for a, b, n in zip(low, high, wide.shape))]
  add("pad", {"low": low, "high": high, "interior": interior}, [x, value], output, padded)

# Contractions.
for a, b, contracting, batch, equation in [
  ((3, 4), (4, 2), [[1], [0]], [[], []], "ij,jk->ik"),
  ((2, 3, 4), (2, 4, 3), [[2], [1]], [[0], [0]], "bij,bjk->bik"),
  ((3, 2, 4), (2, 4, 3, 2), [[1, 2], [0, 1]], [[0], [2]], "bij,ijbk->bk"),
  ((2, 3, 4), (4, 3, 2), [[], []], [[0, 2], [2, 0]], "ajb,bka->abjk"),
  ((2, 0), (0, 3), [[1], [0]], [[], []], "ij,jk->ik"),
]:
  x, y = S(a), C(b)

  def dot(x, y):
    return jax.lax.dot_general(x, y, ((contracting[0], contracting[1]), (batch[0], batch[1])))

  add("dotGeneral", {"contracting": contracting, "batch": batch}, [x, y], np.einsum(equation, x, y), dot)

# Systems.
for side in ["left", "right"]:
  for bits in range(8):
    lower, transpose, unit = bool(bits & 1), bool(bits & 2), bool(bits & 4)
    a, b = positive_definite(3, 3), C((3, 2) if side == "left" else (2, 3))
    matrix = np.tril(a) if lower else np.triu(a)
    if unit:
      matrix = matrix - np.diag(np.diag(matrix)) + np.eye(3)
    if transpose:
      matrix = matrix.T
    output = np.linalg.solve(matrix, b) if side == "left" else np.linalg.solve(matrix.T, b.T).T
    options = {"left": side == "left", "lower": lower, "transpose": transpose, "unit": unit}

    def triangular(a, b):
      return jax.lax.linalg.triangular_solve(
        a, b, left_side=side == "left", lower=lower, transpose_a=transpose, unit_diagonal=unit
      )

    add("triangularSolve", options, [a, b], output, triangular)
for shape in [(3, 3), (2, 4, 4), (1, 1)]:
  a, b = positive_definite(*shape), C(shape[:-1] + (2,))

  def lower_symmetric(a):
    below = jnp.tril(a, -1)
    return jnp.tril(a) + jnp.swapaxes(below, -1, -2)

  add("cholesky", {}, [a], np.linalg.cholesky(a), lambda a: jnp.linalg.cholesky(lower_symmetric(a)))
  add("solve", {}, [a, b], np.linalg.solve(a, b), jnp.linalg.solve)
  add("eigh", {}, [a], np.linalg.eigvalsh(a), lambda a: jnp.linalg.eigvalsh(lower_symmetric(a)))

write(
  "Tests/TensorsTests/Fixtures/primitives.json",
  {
    "source": f"make_primitives.py, NumPy {np.__version__}, SciPy {scipy.__version__}, jax {jax.__version__}",
    "functions": functions,
    "entries": entries,
  },
  "entries",
)
