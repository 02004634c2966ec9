"""What the layer_list files share: the record of a case, the layers of their networks, masks and graphs."""

import math
from dataclasses import dataclass

import numpy as np
from fixture_support import dense, flat, layer, parallel, serial

MASK_CONSTANT = 10.0
LINE1, LINE2 = (2, 5, 3), (3, 5, 3)
IMAGE1, IMAGE2 = (2, 4, 3, 2), (2, 4, 3, 2)
SMALL1, SMALL2 = (2, 3, 2, 2), (1, 3, 2, 2)
VOLUME1, VOLUME2 = (2, 3, 2, 3, 2), (1, 3, 2, 3, 2)


@dataclass(frozen=True)
class Case:
  name: str
  network: dict
  x1: tuple
  x2: tuple | None
  masked1: np.ndarray | None  # of bool, of the shape of x1
  masked2: np.ndarray | None
  patterns: tuple | None
  diagonal: bool  # keep only the spatial diagonal of an output with positions
  full_batch: bool
  batch: int
  channel: int


class Cases(list):
  def add(self, name, network, shapes=(IMAGE1, IMAGE2), masked=None, patterns=None, diagonal=False, full_batch=False,
          batch=0, channel=-1):
    """shapes: of x1 and x2 (None for the symmetric kernel). masked: None, "positions" or "some channels"."""
    x1, x2 = shapes
    masks = [None, None]
    if masked is not None:
      masks = [None if x is None else mask(x, 7 * i, batch, channel, masked) for i, x in enumerate(shapes)]
    self.append(Case(name, network, x1, x2, *masks, patterns, diagonal, full_batch, batch, channel))


def mask(shape, seed, batch=0, channel=-1, kind="positions"):
  """About a quarter of the positions of each sample, or of its entries."""
  batch, channel = batch % len(shape), channel % len(shape)
  rows = [shape[batch], math.prod(n for axis, n in enumerate(shape) if axis not in (batch, channel)), shape[channel]]
  n, p, c = np.indices(rows)
  chosen = (3 * p + 5 * n + seed) % 4 == 1
  if kind == "some channels":
    chosen = ((3 * p + 5 * n + seed) % 5 == 1) | ((p + n + 2 * c + seed) % 7 == 3)
  others = [size for axis, size in enumerate(shape) if axis not in (batch, channel)]
  return np.moveaxis(chosen.reshape(rows[0], *others, rows[2]), (0, -1), (batch, channel))


def dense_pattern(count, sizes, seed):
  """Weights of a graph, half of them zero: (count, *sizes, *sizes)."""
  shape = (count, *sizes, *sizes)
  values = np.sin(1.7 * np.arange(math.prod(shape)) + seed)
  return np.where(values > 0, np.round(values, 3), 0).reshape(shape)


def sparse_pattern(count, edges, sizes, seed, tails_only=False):
  """(count, edges, axes, 2) of (tail, head); some edges are absent, marked by negative coordinates.

  One negative coordinate is enough, but the peer takes an edge with only its tail missing to come from the last node.
  """
  shape = (count, edges, len(sizes), 2)
  n, e, k, side = np.indices(shape)
  coordinates = (3 * e + 2 * n + 5 * side * (e + 1) + 7 * k + seed) % np.array(sizes)[:, None]
  absent = (e + n + seed) % 4 == 3
  return np.where(absent & (side == 0 if tails_only else True), -1, coordinates)


def graph(pattern):
  """A pattern as {"shape", "values", "dtype"}: integers are edges, numbers are weights."""
  return flat(pattern) | {"dtype": "int32" if np.asarray(pattern).dtype.kind == "i" else "float64"}


def conv(channels, *window, **arguments):
  return layer("conv", channels=channels, window=list(window), **arguments)


def conv_transpose(channels, *window, **arguments):
  return layer("convTranspose", channels=channels, window=list(window), **arguments)


def conv_local(channels, *window, **arguments):
  return layer("convLocal", channels=channels, window=list(window), **arguments)


def head(*layers, width=1):
  """Flattened, then an affine layer."""
  return serial(*layers, layer("flatten"), dense(width, weightStd=1.2, biasStd=0.1))


def pooled(*layers, width=1):
  """Averaged over all positions, then an affine layer."""
  return serial(*layers, layer("globalAveragePool"), dense(width, weightStd=1.2, biasStd=0.1))


RELU, ERF, GELU = layer("relu"), layer("erf"), layer("gelu")
__all__ = [name for name in dir() if not name.startswith("_")]
