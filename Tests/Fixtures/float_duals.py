"""Duals of the activations in float64, from their closed forms: kappa and its derivative in q12.

Where q12² equals q11·q22 to rounding the difference is taken as zero, which is exact for coinciding inputs.
"""

import math

import numpy as np
from scipy.special import erf


def _gap(q, p1, p2):
  """√(q11 q22 − q12²)."""
  product = p1 * p2
  gap = product - q * q
  return np.sqrt(np.where(gap < 4e-15 * product, 0, gap))


def _angle(q, p1, p2):
  gap = _gap(q, p1, p2)
  return np.where((gap == 0) & (q == 0), np.pi / 2, np.arctan2(gap, q))


def ab_relu(a, b):
  factor = (a - b) ** 2 / (2 * np.pi)

  def derivative(q, p1, p2):
    return (a * a + b * b) / 2 - factor * _angle(q, p1, p2)

  return lambda q, p1, p2: factor * _gap(q, p1, p2) + derivative(q, p1, p2) * q, derivative


def erf_dual(a, b, c):
  def root(q, p1, p2):
    return np.sqrt((1 + 2 * b * b * p1) * (1 + 2 * b * b * p2) - 4 * (b * b * q) ** 2)

  return (
    lambda q, p1, p2: a * a * 2 / np.pi * np.arctan2(2 * b * b * q, root(q, p1, p2)) + c * c,
    lambda q, p1, p2: a * a * b * b * 4 / np.pi / root(q, p1, p2),
  )


def sin_dual(a, b, c):
  def parts(q, p1, p2):
    s = (p1 + p2) / 2
    return np.exp(b * b * (q - s)), math.cos(2 * c) * np.exp(-b * b * (q + s))

  def kappa(*t):
    plus, minus = parts(*t)
    return a * a / 2 * (plus - minus)

  def derivative(*t):
    plus, minus = parts(*t)
    return a * a * b * b / 2 * (plus + minus)

  return kappa, derivative


def gelu():
  def kappa(q, p1, p2):
    p, big = p1 * p2, (1 + p1) * (1 + p2)
    delta2 = big - q * q
    delta = np.sqrt(delta2)
    return q / 4 + ((q * q + p * delta2) / (big * delta) + q * np.arctan2(q, delta)) / (2 * np.pi)

  def derivative(q, p1, p2):
    p, big = p1 * p2, (1 + p1) * (1 + p2)
    delta2 = big - q * q
    delta = np.sqrt(delta2)
    tail = q / (2 * np.pi * delta) * (1 / delta2 + (1 - p) / big + 1)
    return 0.25 + np.arctan2(q, delta) / (2 * np.pi) + tail

  return kappa, derivative


def gaussian(a, b):
  delta = lambda q, p1, p2: np.sqrt((1 - 2 * b * p1) * (1 - 2 * b * p2) - 4 * b * b * q * q)
  return lambda *t: a * a / delta(*t), lambda q, p1, p2: 4 * a * a * b * b * q / delta(q, p1, p2) ** 3


def exp_normalized(gamma, shift):
  scale = lambda p1, p2: np.sqrt(np.maximum(p1 * p2, 1e-30))
  power = lambda q, p1, p2: np.exp(gamma * (q / scale(p1, p2) + shift))
  return lambda q, p1, p2: scale(p1, p2) * power(q, p1, p2), lambda *t: gamma * power(*t)


def gabor():
  def parts(q, p1, p2):
    s, p = p1 + p2, p1 * p2
    d = 4 * (p - q * q)
    e = 1 + 2 * s + d
    return s, p, d, e, np.exp(-(s + d + 2 * q) / (2 * e)), np.exp(2 * q / e)

  def kappa(*t):
    _, _, _, e, left, right = parts(*t)
    return left * (right - 1) / (2 * np.sqrt(e))

  def derivative(q, p1, p2):
    s, p, d, e, left, right = parts(q, p1, p2)
    first, second = 1 + 2 * s + 4 * (q * q + p), 4 * q * (d + 3 * s + 2)
    return 0.5 * e**-2.5 * left * ((first - second) + right * (first + second))

  return kappa, derivative


def monomial(n):
  def moment(m, q, p):
    total = np.zeros_like(q)
    for j in range(m % 2, m + 1, 2):
      half = (m - j) // 2
      weight = math.factorial(m) ** 2 / (math.factorial(j) * math.factorial(half) ** 2 * 2 ** (m - j))
      total = total + weight * q**j * p**half
    return total

  kappa = lambda q, p1, p2: moment(n, q, p1 * p2)
  return kappa, lambda q, p1, p2: n * n * moment(n - 1, q, p1 * p2) if n else np.zeros_like(q)


def rectified_monomial(n):
  """Arc-cosine kernels of degrees 0 to 3 (Cho and Saul)."""

  def moment(m, q, p1, p2):
    theta = _angle(q, p1, p2)
    s, c, t = np.sin(theta), np.cos(theta), np.pi - theta
    j = [t, s + t * c, 3 * s * c + t * (1 + 2 * c * c), s * (4 + 11 * c * c) + t * (9 * c + 6 * c**3)][m]
    return (p1 * p2) ** (m / 2) * j / (2 * np.pi)

  kappa = lambda *t: moment(n, *t)
  return kappa, lambda q, p1, p2: n * n * moment(n - 1, q, p1, p2) if n else np.zeros_like(q)


def polynomial(coefficients):
  degree = len(coefficients) - 1

  def s(l, p):
    """The l-th normalised Hermite coefficient divided by p^(l/2)."""
    total = np.zeros_like(p)
    for i in range((degree - l) // 2 + 1):
      k = 2 * i + l
      weight = coefficients[k] * math.factorial(k) / (2**i * math.factorial(i) * math.sqrt(math.factorial(l)))
      total = total + weight * p**i
    return total

  kappa = lambda q, p1, p2: sum(s(l, p1) * s(l, p2) * q**l for l in range(degree + 1)) + 0 * q
  derivative = lambda q, p1, p2: sum(l * s(l, p1) * s(l, p2) * q ** (l - 1) for l in range(1, degree + 1)) + 0 * q
  return kappa, derivative


FUNCTIONS = {
  "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
  "erf": (erf, lambda x: 2 / math.sqrt(math.pi) * np.exp(-x * x)),
  "sin": (np.sin, np.cos),
}


def numerical(function, degree):
  """Gauss–Hermite quadrature, the definition of this activation's kernel."""
  nodes, weights = np.polynomial.hermite.hermgauss(degree)

  def rule(f):
    def value(q, p1, p2):
      q, p1, p2 = (v[..., None, None] for v in np.broadcast_arrays(q, p1, p2))
      x, y = nodes[:, None], nodes[None, :]
      second = np.sqrt(2) * q / np.sqrt(np.maximum(p1, 1e-30)) * x
      rest = np.where(p1 > 0, p2 - q * q / np.maximum(p1, 1e-30), p2)
      second = second + np.sqrt(2 * np.maximum(rest, 0)) * y
      products = f(np.sqrt(2 * p1) * x) * f(second)
      return (products * weights[:, None] * weights[None, :]).sum((-1, -2)) / np.pi

    return value

  f, derivative = FUNCTIONS[function]
  return rule(f), rule(derivative)


def duals(name, a):
  """(kappa, derivative) as functions of q12, q11, q22."""
  get = lambda key, default=1.0: a.get(key, default)
  if name == "erf":
    return erf_dual(get("a"), get("b"), get("c", 0.0))
  if name == "sin":
    return sin_dual(get("a"), get("b"), get("c", 0.0))
  if name == "cos":
    return sin_dual(get("a"), get("b"), get("c", 0.0) + math.pi / 2)
  if name == "exp":
    x, y = get("a"), get("b")
    kappa = lambda q, p1, p2: x * x * np.exp(y * y * ((p1 + p2) / 2 + q))
    return kappa, lambda *t: y * y * kappa(*t)
  if name == "hermite":
    n = a["degree"]
    return lambda q, p1, p2: q**n, lambda q, p1, p2: n * q ** (n - 1) if n else 0 * q
  if name == "sign":
    return lambda *t: 1 - 2 * _angle(*t) / np.pi, lambda q, p1, p2: 0 * q
  return {
    "relu": lambda: ab_relu(0.0, 1.0),
    "abs": lambda: ab_relu(-1.0, 1.0),
    "leakyRelu": lambda: ab_relu(a["alpha"], 1.0),
    "abRelu": lambda: ab_relu(a["a"], a["b"]),
    "sigmoidLike": lambda: erf_dual(0.5, 1 / 2.4020563531719796, 0.5),
    "gelu": gelu,
    "rbf": lambda: sin_dual(math.sqrt(2), math.sqrt(2 * get("gamma")), math.pi / 4),
    "gaussian": lambda: gaussian(get("a"), get("b", -1.0)),
    "expNormalized": lambda: exp_normalized(get("gamma"), get("shift", -1.0)),
    "gabor": gabor,
    "monomial": lambda: monomial(a["degree"]),
    "rectifiedMonomial": lambda: rectified_monomial(a["degree"]),
    "polynomial": lambda: polynomial(a["coefficients"]),
    "numerical": lambda: numerical(a["function"], a.get("degree", 25)),
  }[name]()
