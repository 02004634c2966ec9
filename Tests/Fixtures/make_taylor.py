"""Writes Taylor expansions: Tests/TensorsTests/Fixtures/taylor.json and taylor-network.json.

taylor.json: Taylor coefficients of elementary functions. Entries are {"function", "arguments": [...],
"coefficients": [[...], ...]}: coefficients[k][i] is f⁽ᵏ⁾(arguments[i]) / k! for k = 0 … 8, from 80 digits. Functions of two
arguments have "second" and "slopes" [a, b], and are expanded along (arguments + a t, second + b t); for atan2 the
arguments are the ordinates. Arguments are exact float64.

taylor-network.json: an erf network of two hidden layers, f(W, x) = erf(erf(x W1) W2) W3, and what neural-tangents'
linearize and taylor_expand of degrees 2 and 3 at W make of it at W + D, in float64. Entries are {"degree", "output"};
"input", "parameters" and "moves" are the tensors x, W and D.
"""

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import mpmath
import neural_tangents as nt
from mpmath import mp, mpf

from fixture_support import C, PEER, S, flat, write

mp.dps = 80
ORDER = 8

UNARY = {
  "square": (lambda x: x * x, [-1.5, 0.0, 0.75]),
  "sqrt": (mpmath.sqrt, [0.25, 1.3, 40.0]),
  "rsqrt": (lambda x: 1 / mpmath.sqrt(x), [0.25, 1.3, 40.0]),
  "reciprocal": (lambda x: 1 / x, [-2.5, 0.3, 7.0]),
  "cbrt": (lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)), [-2.5, 0.3, 7.0]),
  "exp": (mpmath.exp, [-40.0, 0.0, 1.25]),
  "expm1": (lambda x: mpmath.exp(x) - 1, [-40.0, 1e-9, 1.25]),
  "log": (mpmath.log, [0.05, 1.0, 90.0]),
  "log1p": (lambda x: mpmath.log(1 + x), [-0.9, 1e-9, 7.0]),
  "sin": (mpmath.sin, [-3.0, 0.5, 12.0]),
  "cos": (mpmath.cos, [-3.0, 0.5, 12.0]),
  "tan": (mpmath.tan, [-1.2, 0.3, 1.4]),
  "asin": (mpmath.asin, [-0.95, 0.1, 0.6]),
  "acos": (mpmath.acos, [-0.95, 0.1, 0.6]),
  "atan": (mpmath.atan, [-3.0, 0.1, 0.8]),
  "sinh": (mpmath.sinh, [-3.0, 0.1, 1.5]),
  "cosh": (mpmath.cosh, [-3.0, 0.1, 1.5]),
  "tanh": (mpmath.tanh, [-2.0, 0.1, 0.8]),
  "asinh": (mpmath.asinh, [-9.0, 0.1, 1.5]),
  "acosh": (mpmath.acosh, [1.05, 1.9, 30.0]),
  "atanh": (mpmath.atanh, [-0.95, 0.1, 0.6]),
  "erf": (mpmath.erf, [-2.0, 0.1, 0.9]),
  "erfc": (mpmath.erfc, [-2.0, 0.1, 3.5]),
  "erfInverse": (mpmath.erfinv, [-0.9, 0.1, 0.6]),
}

BINARY = {
  "divide": (lambda x, y: x / y, [1.5, -0.5, 0.0], [2.5, -0.7, 1.2], [(1, 0), (0, 1), (1, -2)]),
  "pow": (lambda x, y: x**y, [1.5, 0.5, 3.0], [2.5, -0.7, 3.0], [(1, 0), (0, 1), (1, -2)]),
  "atan2": (mpmath.atan2, [1.5, -0.5, 0.3], [2.5, 0.7, -1.2], [(1, 0), (0, 1), (1, -2)]),
}


def numbers(values):
  return [float(value) for value in values]


def by_order(rows):
  return [list(column) for column in zip(*rows)]


def elementary():
  entries = []
  for name, (function, arguments) in UNARY.items():
    rows = [numbers(mpmath.taylor(function, mpf(x), ORDER)) for x in arguments]
    entries.append({"function": name, "arguments": arguments, "coefficients": by_order(rows)})
  for name, (function, first, second, directions) in BINARY.items():
    for a, b in directions:
      rows = [
        numbers(mpmath.taylor(lambda t: function(mpf(x) + a * t, mpf(y) + b * t), 0, ORDER))
        for x, y in zip(first, second)
      ]
      entries.append(
        {"function": name, "arguments": first, "second": second, "slopes": [a, b], "coefficients": by_order(rows)}
      )
  document = {"source": f"make_taylor.py: mpmath {mpmath.__version__}, {mp.dps} digits", "entries": entries}
  write("Tests/TensorsTests/Fixtures/taylor.json", document, "entries")


def network():
  shapes = [(3, 6), (6, 5), (5, 2)]
  x = 1.2 * S((4, 3))
  parameters = [1.1 * C(shape) for shape in shapes]
  moves = [0.15 * S(shape) for shape in shapes]

  def f(weights, x):
    for w in weights[:-1]:
      x = jax.scipy.special.erf(jnp.matmul(x, w, precision="highest"))
    return jnp.matmul(x, weights[-1], precision="highest")

  moved = [w + d for w, d in zip(parameters, moves)]
  entries = [{"degree": 1, "output": flat(nt.linearize(f, parameters)(moved, x))}]
  for degree in (2, 3):
    entries.append({"degree": degree, "output": flat(nt.taylor_expand(f, parameters, degree)(moved, x))})
  document = {
    "source": f"make_taylor.py: {PEER}",
    "input": flat(x),
    "parameters": [flat(w) for w in parameters],
    "moves": [flat(d) for d in moves],
    "entries": entries,
  }
  write("Tests/TensorsTests/Fixtures/taylor-network.json", document, "entries")


if __name__ == "__main__":
  elementary()
  network()
