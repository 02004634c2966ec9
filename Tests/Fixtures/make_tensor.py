"""Writes Tests/TensorsTests/Fixtures/tensor.json: tensor operations as NumPy and SciPy compute them, in float64.

Entries are {"op", "inputs": [{"shape", "values"}], "arguments", "output": {"shape", "values"}}. Index-valued outputs
and comparisons are integers. Slices are lists of [start, stop, step] with null for an end left open; negative bounds
count from the end, as in Python. "qr" gives R with a non-negative diagonal.
"""

import numpy as np
import scipy
import scipy.linalg
from fixture_support import C, S, flat, write

entries = []


def add(op, inputs, arguments, output):
  entries.append({"op": op, "inputs": [flat(x) for x in inputs], "arguments": arguments, "output": flat(output)})


def full_rank(rows, columns, seed=0.0):
  """Quadratic phases: no two rows are related, unlike in S and C."""
  i = np.arange(float(rows * columns))
  return np.sin(0.37 * i * i + 0.1 + seed).reshape(rows, columns)


def positive_definite(n, seed=0.0):
  a = full_rank(n, n + 2, seed)
  return a @ a.T + 0.1 * np.eye(n)


SHAPES = [
  (),
  (1,),
  (5,),
  (0,),
  (3, 4),
  (1, 4),
  (3, 1),
  (0, 3),
  (2, 0, 3),
  (2, 3, 4),
  (2, 1, 4),
  (1, 1, 1),
  (2, 3, 1, 2),
]
BROADCASTS = [
  ((), ()),
  ((), (3,)),
  ((3,), (1,)),
  ((2, 3), (3,)),
  ((2, 1), (1, 3)),
  ((2, 3), ()),
  ((4, 1, 3), (2, 1)),
  ((2, 3, 4), (3, 1)),
  ((0, 3), (1, 3)),
  ((2, 0), (1,)),
  ((1, 0, 2), (3, 1, 1)),
  ((1, 1), (1, 1)),
  ((5, 1, 2, 1), (3, 1, 4)),
]
for left, right in BROADCASTS:
  a, b = S(left), C(right)
  for op, function in [
    ("add", np.add),
    ("subtract", np.subtract),
    ("multiply", np.multiply),
    ("divide", np.divide),
    ("maximum", np.maximum),
    ("minimum", np.minimum),
  ]:
    add(op, [a, b], {}, function(a, b))
  for op, function in [("less", np.less), ("lessOrEqual", np.less_equal), ("equal", np.equal)]:
    c = np.round(a, 1), np.round(b, 1)
    add(op, list(c), {}, function(*c).astype(int))

for shape in SHAPES:
  x = S(shape)
  axes_list = (
    [None] + [(axis,) for axis in range(len(shape))] + ([(0, -1)] if len(shape) > 1 else []) + ([()] if shape else [])
  )
  for axes in axes_list:
    reduced = x.size // max(np.sum(x, axis=axes).size, 1) if x.size else 0
    for keep in (False, True):
      arguments = {"axes": None if axes is None else list(axes), "keepDimensions": keep}
      add("sum", [x], arguments, np.sum(x, axis=axes, keepdims=keep))
      add("product", [x], arguments, np.prod(x, axis=axes, keepdims=keep))
      if reduced:
        add("mean", [x], arguments, np.mean(x, axis=axes, keepdims=keep))
        add("max", [x], arguments, np.max(x, axis=axes, keepdims=keep))
        add("min", [x], arguments, np.min(x, axis=axes, keepdims=keep))
  for axis in range(-1, len(shape)):
    if x.size and shape:
      add("argmax", [x], {"axis": axis}, np.argmax(x, axis=axis))
      add("argmin", [x], {"axis": axis}, np.argmin(x, axis=axis))
      add("cumulativeSum", [x], {"axis": axis}, np.cumsum(x, axis=axis))
ties = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 1.0]])
for axis in (0, 1):
  add("argmax", [ties], {"axis": axis}, np.argmax(ties, axis=axis))
  add("argmin", [ties], {"axis": axis}, np.argmin(ties, axis=axis))

for shape, orders in [
  ((3, 4), [(1, 0), (0, 1)]),
  ((2, 3, 4), [(2, 1, 0), (1, 2, 0), (2, 0, 1), (0, 2, 1), (-1, 0, 1)]),
  ((2, 3, 1, 2), [(3, 0, 2, 1)]),
  ((0, 3), [(1, 0)]),
  ((5,), [(0,)]),
]:
  for order in orders:
    add("transpose", [S(shape)], {"permutation": list(order)}, np.transpose(S(shape), order))
for shape, target in [
  ((6,), (2, 3)),
  ((2, 3, 4), (4, -1)),
  ((2, 3, 4), (-1,)),
  ((1,), ()),
  ((0, 3), (3, 0)),
  ((2, 3), (1, 2, 1, 3)),
]:
  add("reshape", [S(shape)], {"shape": list(target)}, S(shape).reshape(target))
for shape, target in [((3, 1), (3, 4)), ((), (2, 3)), ((1, 0), (2, 0)), ((2, 1, 2), (3, 2, 4, 2))]:
  add("broadcast", [S(shape)], {"shape": list(target)}, np.broadcast_to(S(shape), target))
for shape, axes in [((3, 4), (0,)), ((2, 3, 4), (0, 2)), ((5,), (-1,)), ((0, 2), (0, 1))]:
  add("flip", [S(shape)], {"axes": list(axes)}, np.flip(S(shape), axes))

for shape, slices in [
  ((7,), [[1, 5, 1]]),
  ((7,), [[None, None, 2]]),
  ((7,), [[1, None, 3]]),
  ((7,), [[None, None, -1]]),
  ((7,), [[5, 1, -2]]),
  ((7,), [[-3, None, 1]]),
  ((7,), [[None, -2, 1]]),
  ((7,), [[3, 3, 1]]),
  ((7,), [[None, 100, 1]]),
  ((7,), [[-1, -8, -3]]),
  ((3, 4), [[None, None, 1], [1, 3, 1]]),
  ((3, 4), [[None, None, -1], [None, None, 2]]),
  ((3, 4), [[2, None, -1], [-1, 0, -1]]),
  ((2, 3, 4), [[1, 2, 1], [None, None, 2], [3, None, -2]]),
  ((0, 3), [[None, None, 1], [0, 2, 1]]),
  ((4, 5), [[4, 4, 1], [None, None, 1]]),
]:
  add("slice", [S(shape)], {"slices": slices}, S(shape)[tuple(slice(*s) for s in slices)])
for shape, indices, axis in [
  ((5,), [0, 4, 4, 2], 0),
  ((3, 4), [3, 0], 1),
  ((2, 3, 4), [2, 1, 0, 0], -2),
  ((3, 2), [], 0),
]:
  add(
    "take", [S(shape)], {"indices": indices, "axis": axis}, np.take(S(shape), np.array(indices, dtype=int), axis=axis)
  )

for shapes, axis in [
  (((2, 3), (1, 3)), 0),
  (((2, 3), (2, 1), (2, 2)), 1),
  (((3,), (0,), (2,)), 0),
  (((2, 3, 4), (2, 3, 1)), -1),
  (((0, 2), (0, 2)), 0),
  (((2, 2),), 0),
]:
  parts = [S(shape) + index for index, shape in enumerate(shapes)]
  add("concatenate", parts, {"axis": axis}, np.concatenate(parts, axis=axis))
for shape, count, axis in [((3,), 2, 0), ((3,), 2, 1), ((2, 3), 3, 1), ((2, 3), 2, -1), ((), 4, 0), ((0, 2), 2, 1)]:
  parts = [S(shape) + index for index in range(count)]
  add("stack", parts, {"axis": axis}, np.stack(parts, axis=axis))
for shape, widths, value in [
  ((3,), [[1, 2]], 0.0),
  ((2, 3), [[0, 1], [2, 0]], -1.5),
  ((2, 0), [[1, 1], [0, 2]], 7.0),
  ((), [], 1.0),
  ((2, 3, 1), [[0, 0], [0, 0], [1, 1]], 0.5),
]:
  padded = np.pad(S(shape), widths, constant_values=value) if widths else S(shape)
  add("pad", [S(shape)], {"widths": widths, "value": value}, padded)
for shape, axis in [((5,), 0), ((3, 4), 0), ((3, 4), 1), ((2, 3, 4), -2)]:
  add("sort", [C(shape)], {"axis": axis}, np.sort(C(shape), axis=axis))
for shape in [(3, 4), (4, 3), (2, 3, 3)]:
  for offset in (0, 1, -1):
    add("diagonal", [S(shape)], {"offset": offset}, np.diagonal(S(shape), offset, -2, -1))
    add("upperTriangle", [S(shape)], {"offset": offset}, np.triu(S(shape), offset))
    add("lowerTriangle", [S(shape)], {"offset": offset}, np.tril(S(shape), offset))
for shape in [(4,), (2, 3)]:
  condition = S(shape) > 0.2
  add("where", [condition.astype(float), S(shape), C(shape)], {}, np.where(condition, S(shape), C(shape)))

for left, right in [
  ((3, 4), (4, 2)),
  ((4,), (4, 2)),
  ((3, 4), (4,)),
  ((4,), (4,)),
  ((2, 3, 4), (4, 5)),
  ((2, 3, 4), (2, 4, 1)),
  ((2, 1, 3, 4), (3, 4, 2)),
  ((0, 4), (4, 2)),
  ((3, 0), (0, 2)),
  ((1, 1), (1, 1)),
]:
  add("matmul", [S(left), C(right)], {}, S(left) @ C(right))
for expression, *shapes in [
  ("ij,jk->ik", (3, 4), (4, 2)),
  ("ij,kj->ik", (3, 4), (2, 4)),
  ("ji,jk->ik", (4, 3), (4, 2)),
  ("ij,jk->ki", (3, 4), (4, 2)),
  ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
  ("bij,bkj->bki", (2, 3, 4), (2, 5, 4)),
  ("ibj,jkb->kbi", (3, 2, 4), (4, 5, 2)),
  ("abij,bajk->abik", (2, 3, 2, 4), (3, 2, 4, 2)),
  ("i,j->ij", (3,), (4,)),
  ("i,i->", (5,), (5,)),
  ("ij->ji", (3, 4)),
  ("ij->", (3, 4)),
  ("ij->j", (3, 4)),
  ("ii->i", (4, 4)),
  ("ii->", (4, 4)),
  ("iij->ij", (3, 3, 2)),
  ("bii->b", (2, 3, 3)),
  ("ijk,ijk->ik", (2, 3, 4), (2, 3, 4)),
  ("ijk,jl->ikl", (2, 3, 4), (3, 5)),
  ("abc,cd,de->abe", (2, 3, 4), (4, 2), (2, 3)),
  ("ij,ij->ij", (3, 4), (3, 4)),
  ("ij,k->ijk", (2, 3), (2,)),
  ("nhwc,mhwc->nm", (2, 2, 3, 2), (3, 2, 3, 2)),
  ("ij,jk->ik", (0, 4), (4, 2)),
  ("ij,jk->ik", (3, 0), (0, 2)),
  (",ij->ij", (), (2, 3)),
  ("ij,j,j->i", (3, 4), (4,), (4,)),
  ("...ij,...jk->...ik", (2, 3, 4), (2, 4, 2)),
]:
  inputs = [(S, C, S)[index](shape) + 0.1 * index for index, shape in enumerate(shapes)]
  add("einsum", inputs, {"expression": expression}, np.einsum(expression, *inputs))
for left, right, axes in [
  ((2, 3, 4), (4, 3, 5), ([1, 2], [1, 0])),
  ((2, 3), (4, 5), ([], [])),
  ((3, 4), (3, 4), ([0, 1], [0, 1])),
]:
  add(
    "tensordot", [S(left), C(right)], {"leftAxes": axes[0], "rightAxes": axes[1]}, np.tensordot(S(left), C(right), axes)
  )

for n in (1, 2, 3, 6, 17):
  a = positive_definite(n)
  lower = np.linalg.cholesky(a)
  add("cholesky", [a], {"lower": True}, lower)
  add("choleskyLogDeterminant", [a], {}, np.array(np.linalg.slogdet(a)[1]))
  b = full_rank(n, 3, 0.7)
  for is_lower in (True, False):
    for transposed in (False, True):
      triangle = lower if is_lower else lower.T
      add(
        "triangularSolve",
        [triangle, b],
        {"lower": is_lower, "transposed": transposed},
        scipy.linalg.solve_triangular(triangle, b, trans=int(transposed), lower=is_lower),
      )
  add("solvePositiveDefinite", [a, b], {}, np.linalg.solve(a, b))
  general = full_rank(n, n, 0.3) + np.eye(n)
  add("solve", [general, b], {}, np.linalg.solve(general, b))
  add("eighValues", [a], {}, np.linalg.eigvalsh(a))
  symmetric = general + general.T
  add("eighValues", [symmetric], {}, np.linalg.eigvalsh(symmetric))
add("eighValues", [np.diag([2.0, 2.0, -1.0])], {}, np.array([-1.0, 2.0, 2.0]))
for rows, columns in [(1, 1), (3, 3), (5, 3), (3, 5), (12, 7)]:
  a = full_rank(rows, columns, 0.2)
  add("singularValues", [a], {}, np.linalg.svd(a, compute_uv=False))
  r = np.linalg.qr(a, mode="r")
  signs = np.where(np.diagonal(r) < 0, -1.0, 1.0)
  add("qr", [a], {}, signs[:, None] * r)

write(
  "Tests/TensorsTests/Fixtures/tensor.json",
  {
    "source": f"Tests/Fixtures/make_tensor.py with numpy {np.__version__}, scipy {scipy.__version__}, float64",
    "entries": entries,
  },
  "entries",
)
