"""Writes Tests/TensorsTests/Fixtures/convolution.json: convolutions and window sums as JAX computes them, in float64.

Entries are {"op": "convolution", "inputSize", "window", "strides", "paddingLow", "paddingHigh", "inputDilation",
"windowDilation", "groups", "batch", "inputChannels", "outputChannels", "output", "input", "filter"}. The input is
S(shape), the filter C(shape), and "output" their convolution; "input" and "filter" are its cotangents for the output
cotangent S(shape). {"op": "windowSum", "shape", "window", "strides", "paddingLow", "paddingHigh", "windowDilation",
"output"} is of S(shape). Arrays are {"shape", "values"}, channels last.
"""

import jax
import numpy as np
from fixture_support import C, S, flat, write
from jax import lax

jax.config.update("jax_enable_x64", True)
entries = []
LAYOUTS = {
  0: ("NC", "IO", "NC"),
  1: ("NWC", "WIO", "NWC"),
  2: ("NHWC", "HWIO", "NHWC"),
  3: ("NDHWC", "DHWIO", "NDHWC"),
}


def convolution(size, window, channels, batch=2, strides=None, low=None, high=None, dilation=None, reach=None, groups=1):
  axes = len(size)
  strides, dilation, reach = (value or [1] * axes for value in (strides, dilation, reach))
  low, high = (value or [0] * axes for value in (low, high))
  inputs, outputs = channels

  def convolve(x, w):
    return lax.conv_general_dilated(
      x,
      w,
      strides,
      list(zip(low, high)),
      dilation,
      reach,
      LAYOUTS[axes],
      groups,
      precision=lax.Precision.HIGHEST,
    )

  x = S([batch, *size, inputs])
  w = C([*window, inputs // groups, outputs])
  y, pullback = jax.vjp(convolve, x, w)
  input_cotangent, filter_cotangent = pullback(S(y.shape))
  entries.append(
    {
      "op": "convolution",
      "inputSize": size,
      "window": window,
      "strides": strides,
      "paddingLow": low,
      "paddingHigh": high,
      "inputDilation": dilation,
      "windowDilation": reach,
      "groups": groups,
      "batch": batch,
      "inputChannels": inputs,
      "outputChannels": outputs,
      "output": flat(np.asarray(y)),
      "input": flat(np.asarray(input_cotangent)),
      "filter": flat(np.asarray(filter_cotangent)),
    }
  )


def window_sum(shape, window, strides=None, low=None, high=None, reach=None):
  rank = len(shape)
  strides, reach = (value or [1] * rank for value in (strides, reach))
  low, high = (value or [0] * rank for value in (low, high))
  total = lax.reduce_window(
    S(shape), 0.0, lax.add, window, strides, list(zip(low, high)), window_dilation=reach
  )
  entries.append(
    {
      "op": "windowSum",
      "shape": shape,
      "window": window,
      "strides": strides,
      "paddingLow": low,
      "paddingHigh": high,
      "windowDilation": reach,
      "output": flat(np.asarray(total)),
    }
  )


convolution([], [], (3, 4))
convolution([7], [3], (2, 3))
convolution([7], [3], (2, 3), low=[1], high=[1])
convolution([8], [3], (1, 1), strides=[2], low=[2], high=[-1])
convolution([6], [2], (2, 2), dilation=[2], low=[1], high=[2])
convolution([9], [3], (2, 2), reach=[3], low=[-1], high=[4])
convolution([9], [4], (4, 6), strides=[3], reach=[2], dilation=[3], groups=2)
convolution([5], [3], (3, 3), groups=3, low=[1], high=[1])
convolution([5, 6], [3, 3], (2, 3), low=[1, 1], high=[1, 1])
convolution([5, 6], [3, 2], (3, 2), strides=[2, 1], low=[1, 0], high=[1, 1])
convolution([6, 5], [3, 3], (4, 4), groups=4, strides=[2, 2], low=[0, 1], high=[1, 1])
convolution([6, 5], [2, 3], (2, 6), groups=2, reach=[2, 1], low=[1, -1], high=[0, 2])
convolution([4, 4], [3, 3], (2, 2), dilation=[2, 3], strides=[1, 2], low=[2, 2], high=[2, 1])
convolution([4, 5], [1, 1], (5, 17))
convolution([2, 2], [2, 2], (3, 20), batch=3)
convolution([1, 1], [3, 3], (2, 2), low=[1, 1], high=[1, 1])
convolution([3, 4, 3], [2, 2, 2], (2, 2), batch=1)
convolution(
  [3, 4, 3], [2, 3, 1], (2, 4), groups=2, strides=[1, 2, 2], low=[1, 1, 0], high=[0, 1, 1], reach=[1, 1, 2]
)

window_sum([7], [3])
window_sum([7], [3], strides=[2], low=[1], high=[1])
window_sum([9], [3], reach=[2], low=[-1], high=[3])
window_sum([2, 5, 6, 3], [1, 2, 3, 1])
window_sum([2, 5, 6, 3], [1, 3, 3, 1], low=[0, 1, 1, 0], high=[0, 1, 1, 0])
window_sum([2, 5, 6, 3], [1, 2, 2, 2], strides=[1, 2, 2, 1])
window_sum([4, 4, 5, 5], [2, 2, 3, 3], strides=[2, 1, 1, 3], low=[0, 1, 1, -1], high=[1, 0, 2, 2], reach=[1, 2, 2, 1])
window_sum([2, 4, 4, 3], [1, 4, 4, 1])
window_sum([3, 4], [1, 1], strides=[2, 3])

write(
  "Tests/TensorsTests/Fixtures/convolution.json",
  {"source": f"make_convolution.py, jax {jax.__version__}", "entries": entries},
  "entries",
)
