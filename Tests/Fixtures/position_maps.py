"""Linear maps over positions as explicit matrices (rows: outputs), for exact_layers."""

import math

import numpy as np


def joint(axes):
  """The map over all positions, in row-major order, of one map per axis."""
  result = np.ones((1, 1))
  for axis in axes:
    result = np.kron(result, axis)
  return result


def permutation(space, order):
  """Positions of an array of shape `space` to those of its transpose by `order`."""
  moved = np.arange(math.prod(space)).reshape(space).transpose(order).reshape(-1)
  return np.eye(math.prod(space))[moved]


def window_axis(n, window, stride, padding, dilation=1):
  """One matrix per offset in the window: which input each output sees there."""
  extent = (window - 1) * dilation + 1
  if padding == "valid":
    out, low = (n - extent) // stride + 1, 0
  else:
    out = -(-n // stride)
    low = max((out - 1) * stride + extent - n, 0) // 2
  matrices = []
  for offset in range(window):
    matrix = np.zeros((out, n))
    for o in range(out):
      i = o * stride + offset * dilation - low
      if padding == "circular":
        i %= n
      if 0 <= i < n:
        matrix[o, i] = 1
    matrices.append(matrix)
  return matrices


def transposed_axis(n, window, stride, padding):
  """As window_axis for a transposed convolution: the inputs, `stride` apart, correlated with the window."""
  total = window + stride - 2
  if padding == "same":
    low = window - 1 if stride > window - 1 else -(-total // 2)
  else:
    total += max(window - stride, 0)
    low = window - 1
  length = (n - 1) * stride + 1 + total - window + 1
  matrices = []
  for offset in range(window):
    matrix = np.zeros((length, n))
    for o in range(length):
      i, between = divmod(o + offset - low, stride)
      if between == 0 and 0 <= i < n:
        matrix[o, i] = 1
    matrices.append(matrix)
  if padding != "circular":
    return matrices
  out = n * stride
  reach, crop = -(-length // out) // 2, (length - out) // 2
  fold = np.zeros((out, length))
  for o in range(out):
    for k in range(-reach, reach + 1):
      if 0 <= o + crop + k * out < length:
        fold[o, o + crop + k * out] = 1
  return [fold @ matrix for matrix in matrices]


def resize_axis(n, new, method, antialias):
  centres = (np.arange(new) + 0.5) * n / new
  if method == "nearest":
    return np.eye(n)[np.floor(centres).astype(int)]
  spread = max(n / new, 1) if antialias else 1
  samples = centres - 0.5
  weights = np.maximum(0, 1 - np.abs(samples[:, None] - np.arange(n)) / spread)
  total = weights.sum(1, keepdims=True)
  weights = np.where(total > 0, weights / np.where(total > 0, total, 1), 0)
  inside = (samples >= -0.5) & (samples <= n - 0.5)
  return weights * inside[:, None]


def aggregation(pattern, space, axes, sparse):
  """(N, positions, positions): what each position receives along the edges of each sample's graph."""
  sizes = [space[axis] for axis in axes]
  nodes = math.prod(sizes)
  if sparse:
    pattern = pattern.reshape(*pattern.shape[:2], len(axes), 2)
    dense = np.zeros((len(pattern), nodes, nodes))
    for n, edges in enumerate(pattern):
      for edge in edges:
        if (edge >= 0).all():
          tail, head = (np.ravel_multi_index(tuple(edge[:, side]), sizes) for side in (0, 1))
          dense[n, tail, head] += 1
  else:
    dense = pattern.reshape(len(pattern), nodes, nodes)
  others = [axis for axis in range(len(space)) if axis not in axes]
  order = [*axes, *others]
  back = permutation(space, order)
  rest = np.eye(math.prod(space[axis] for axis in others))
  return np.stack([back.T @ np.kron(matrix.T, rest) @ back for matrix in dense])


def distances(space, power):
  """Sums over the axes of |p − p'|^power."""
  positions = np.indices(space).reshape(len(space), math.prod(space)).T
  return (np.abs(positions[:, None] - positions[None]).astype(float) ** power).sum(-1)


def index_expression(ranges):
  """"1:", "::-2" and integers as Python's own indices."""
  part = lambda text: int(text) if text else None
  return tuple(r if isinstance(r, int) else slice(*[part(text) for text in r.split(":")]) for r in ranges)
