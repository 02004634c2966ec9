"""Writes Tests/NeuralTangentsTests/Fixtures/prediction.json: closed-form training and inference, in float64.

For each network and number of outputs: the inputs, the targets, every kernel, and the peer's predictions. Inputs are
sin(0.37 i² + 0.1) (train), sin(0.53 i² + 0.7) (test), because the linear phases of the other fixtures have rank two
and leave nearly singular kernels. Targets are sin(0.9 i + 0.3), initial outputs 0.5 cos(0.7 i) (train),
0.5 sin(0.4 i + 1) (test), i the row-major index. Arrays are stated in full beside the formulas.
"""

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import numpy as np
from fixture_support import PEER, build, dense, flat, layer, serial, write
from neural_tangents import predict

TIMES = {
  "one": 1.0,
  "short": 0.01,
  "long": 1e4,
  "zero": 0.0,
  "array": [0.5, 3.0, 40.0],
  "matrix": [[0.1, 1.0], [10.0, 1e3]],
}


def by_index(shape, function):
  return function(np.arange(float(np.prod(shape)))).reshape(shape)


def hidden(name, weight, bias):
  return serial(
    dense(512, weightStd=weight, biasStd=bias),
    layer(name),
    dense(512, weightStd=weight, biasStd=bias),
    layer(name),
    dense(1, weightStd=weight, biasStd=bias),
  )


def gaussian(result):
  """A mean, or a mean and a covariance."""
  if hasattr(result, "covariance"):
    return {"mean": flat(result.mean), "covariance": flat(result.covariance)}
  return {"mean": flat(result)}


def case(name, network, outputs):
  x_train = by_index((8, 6), lambda i: np.sin(0.37 * i * i + 0.1))
  x_test = by_index((5, 6), lambda i: np.sin(0.53 * i * i + 0.7))
  y = by_index((8, outputs), lambda i: np.sin(0.9 * i + 0.3))
  f0_train = by_index((8, outputs), lambda i: 0.5 * np.cos(0.7 * i))
  f0_test = by_index((5, outputs), lambda i: 0.5 * np.sin(0.4 * i + 1))
  kernel_fn = build(network)[2]
  k_dd, k_td, k_tt = (kernel_fn(a, b, ("nngp", "ntk")) for a, b in ((x_train, None), (x_test, x_train), (x_test, None)))
  results = []

  for diag_reg, absolute in ((0.0, False), (0.1, False), (0.03, True)):
    regularizer = {"diagReg": diag_reg, "absoluteScale": absolute}
    posterior = predict.gp_inference(k_dd, y, diag_reg, absolute)
    for get in ("nngp", "ntk", "ntkgp"):
      for covariance in (True,) if diag_reg else (False, True):
        results.append(
          {
            "function": "gpInference",
            **regularizer,
            "kernel": get,
            "computeCovariance": covariance,
            "output": gaussian(posterior(get, k_td, k_tt if covariance else None)),
          }
        )
    results.append(
      {
        "function": "gpInference",
        **regularizer,
        "kernel": "nngp",
        "computeCovariance": True,
        "onTrain": True,
        "output": gaussian(posterior("nngp", None, True)),
      }
    )

    for kernel in ("ntk", "nngp"):
      for rate in (1.0, 0.25):
        flow = predict.gradient_descent_mse(getattr(k_dd, kernel), y, rate, diag_reg, absolute)
        for time_name, time in [("infinite", None), *TIMES.items()]:
          if (rate != 1.0 and time_name != "array") or (diag_reg and time_name not in ("infinite", "array")):
            continue
          t = None if time is None else jnp.array(time)
          train, test = flow(t, f0_train, f0_test, getattr(k_td, kernel))
          entry = {
            "function": "gradientDescentMSE",
            **regularizer,
            "kernel": kernel,
            "learningRate": rate,
            "time": time,
          }
          results.append({**entry, "initial": True, "train": flat(train), "test": flat(test)})
          results.append(
            {
              **entry,
              "initial": False,
              "trainOnly": flat(flow(t, 0.0)),
              "testOnly": flat(flow(t, None, 0.0, getattr(k_td, kernel))),
            }
          )

    for rate in (1.0, 0.25):
      ensemble = predict.gradient_descent_mse_ensemble(kernel_fn, x_train, y, rate, diag_reg, absolute)
      for time_name, time in [("infinite", None), *TIMES.items()]:
        if (rate != 1.0 and time_name != "array") or (diag_reg and time_name not in ("infinite", "array")):
          continue
        t = None if time is None else jnp.array(time)
        for get in ("nngp", "ntk"):
          for on_train in (False, True):
            results.append(
              {
                "function": "gradientDescentMSEEnsemble",
                **regularizer,
                "kernel": get,
                "learningRate": rate,
                "time": time,
                "onTrain": on_train,
                "output": gaussian(ensemble(t, None if on_train else x_test, get, True)),
              }
            )

  for momentum in (0.0, 0.9):
    rate = predict.max_learning_rate(np.asarray(k_dd.ntk), y.size, momentum)
    results.append({"function": "maxLearningRate", "momentum": momentum, "outputSize": y.size, "value": float(rate)})
  results.append(
    {
      "function": "maxLearningRate",
      "momentum": 0.0,
      "outputSize": None,
      "value": float(predict.max_learning_rate(np.asarray(k_dd.ntk))),
    }
  )

  # The peer integrates these with an adaptive Runge-Kutta method: about seven digits.
  losses = {"meanSquared": lambda f, y: 0.5 * jnp.mean((f - y) ** 2)}
  if outputs > 1:
    losses["softmaxCrossEntropy"] = lambda f, y: -jnp.mean(jnp.sum(jax.nn.log_softmax(f) * jax.nn.softmax(y), axis=-1))
  for loss_name, loss in losses.items():
    for momentum in (None, 0.8):
      for time in (2.0, [0.5, 3.0, 20.0]):
        flow = predict.gradient_descent(loss, k_dd.ntk, y, 0.7, momentum)
        train, test = flow(jnp.array(time), f0_train, f0_test, k_td.ntk)
        results.append(
          {
            "function": "gradientDescent",
            "loss": loss_name,
            "learningRate": 0.7,
            "momentum": momentum,
            "time": time,
            "train": flat(train),
            "test": flat(test),
            "tolerance": 1e-6,
          }
        )

  condition = {kernel: float(np.linalg.cond(getattr(k_dd, kernel))) for kernel in ("nngp", "ntk")}
  print(name, condition)
  kernels = {
    f"{kernel}{pair}": flat(getattr(k, kernel))
    for kernel in ("nngp", "ntk")
    for pair, k in (("TrainTrain", k_dd), ("TestTrain", k_td), ("TestTest", k_tt))
  }
  return {
    "name": name,
    "network": network,
    "xTrain": flat(x_train),
    "xTest": flat(x_test),
    "yTrain": flat(y),
    "initialTrain": flat(f0_train),
    "initialTest": flat(f0_test),
    "condition": condition,
    "kernels": kernels,
    "results": results,
  }


if __name__ == "__main__":
  cases = [
    case(f"{name}, {outputs} outputs", hidden(name, weight, bias), outputs)
    for name, weight, bias in (("erf", 1.5, 0.1), ("relu", 1.4, 0.2))
    for outputs in (1, 2)
  ]
  write(
    "Tests/NeuralTangentsTests/Fixtures/prediction.json",
    {
      "source": f"Tests/Fixtures/make_prediction.py with {PEER}, float64",
      "lossNote": "meanSquared is ½·mean over all entries of (f−y)²; softmaxCrossEntropy is the mean over rows of "
      "−Σ softmax(y)·logSoftmax(f)",
      "cases": cases,
    },
    "cases",
  )
