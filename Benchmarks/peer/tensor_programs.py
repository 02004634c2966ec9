"""Times JAX, jitted, on the work of the tensor program benchmarks, in float32.

    python Benchmarks/peer/tensor_programs.py                          # every row below
    python Benchmarks/peer/tensor_programs.py '[{"name": "...", ...}]' # a list of rows, as JSON

Prints and measures as fully_connected.py does, with the same data; checksums are sums of magnitudes. "operation" is one of
  mlp, mlp gradient               3 × (Dense(1024), activation), Dense(10) on 256 rows of 1024; the gradient is that of
                                  the mean squared error in all parameters
  convolution, convolution gradient
                                  3 × (3×3 convolution to 64 channels, relu) on 32 images of 32×32×3, mean, Dense(10)
  chain                           12 elementwise operations over "count" elements
  matmul                          "count" products of matrices of "rows" rows and columns
  per-example gradient            the gradient of a 64-128-128-10 tanh network for each of 64 examples
"""

import sys

from fully_connected import main, uniform

ALL_ROWS = [
  *[
    {"name": f"{operation}, {activation}", "operation": operation, "activation": activation}
    for activation in ("tanh", "relu")
    for operation in ("mlp", "mlp gradient")
  ],
  *[
    {"name": operation, "operation": operation}
    for operation in ("convolution", "convolution gradient", "chain", "per-example gradient")
  ],
  {"name": "matmul, 64", "operation": "matmul", "count": 64, "rows": 256},
  {"name": "matmul, 1024", "operation": "matmul", "count": 1024, "rows": 32},
]


def data(seed, *shape):
  import jax

  return jax.numpy.asarray(uniform(seed, shape, "float32"))


def weight(seed, *shape):
  import math

  return data(seed, *shape) * (3 / math.prod(shape[:-1])) ** 0.5


def dense_parameters(widths):
  return [
    part
    for layer in range(1, len(widths))
    for part in (weight(10 + layer, widths[layer - 1], widths[layer]), 0.1 * data(30 + layer, widths[layer]))
  ]


def dense(parameters, x, activation):
  for layer in range(0, len(parameters), 2):
    x = x @ parameters[layer] + parameters[layer + 1]
    if layer < len(parameters) - 2:
      x = activation(x)
  return x


def mean_square(f):
  return lambda parameters, x, y: ((f(parameters, x) - y) ** 2).mean()


def functions(row):
  """A function and its arguments."""
  import jax
  import jax.numpy as jnp

  activations = {"tanh": jnp.tanh, "relu": lambda x: jnp.maximum(x, 0)}
  operation = row["operation"]
  if operation in ("mlp", "mlp gradient"):
    parameters, x = dense_parameters([1024, 1024, 1024, 1024, 10]), data(1, 256, 1024)
    activation = activations[row.get("activation", "tanh")]
    f = lambda parameters, x: dense(parameters, x, activation)
    return (jax.grad(mean_square(f)), (parameters, x, data(3, 256, 10))) if "gradient" in operation else (f, (parameters, x))
  if operation in ("convolution", "convolution gradient"):
    channels = [3, 64, 64, 64]
    parameters = [weight(10 + i, 3, 3, channels[i - 1], channels[i]) for i in range(1, 4)] + [weight(20, 64, 10)]
    x = data(1, 32, 32, 32, 3)

    def f(parameters, x):
      for w in parameters[:-1]:
        x = jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = activations["relu"](x)
      return x.mean(axis=(1, 2)) @ parameters[-1]

    return (jax.grad(mean_square(f)), (parameters, x, data(3, 32, 10))) if "gradient" in operation else (f, (parameters, x))
  if operation == "chain":
    count = row.get("count", 10_000_000)

    def f(a, b, c):
      u = jnp.tanh((a * b + c) * 0.5)
      w = jnp.maximum((1 - u * u) * a + u, b)
      return jnp.sqrt(w * w + 1)

    return f, (data(1, count), data(4, count), data(5, count))
  if operation == "matmul":
    count, size = row["count"], row["rows"]
    return jnp.matmul, (data(1, count, size, size), data(4, count, size, size))
  if operation == "per-example gradient":
    loss = mean_square(lambda parameters, x: dense(parameters, x, jnp.tanh))
    arguments = (dense_parameters([64, 128, 128, 10]), data(1, 64, 64), data(3, 64, 10))
    return jax.vmap(jax.grad(loss), in_axes=(None, 0, 0)), arguments
  raise ValueError(f"no tensor program is called {operation}")


def prepare(row):
  import jax

  function, arguments = functions(row)
  compiled = jax.jit(function)
  return lambda: jax.tree_util.tree_leaves(jax.block_until_ready(compiled(*arguments))), 15


if __name__ == "__main__":
  sys.exit(main(__file__, ALL_ROWS, prepare, magnitudes=True))
