"""Kernels of infinitely wide networks in PyTorch: with derivatives, and as a kernel of GPyTorch.

Examples
--------
>>> import torch
>>> from swift_neural_tangents import stax
>>> from swift_neural_tangents.torch import kernel
>>> layer = stax.serial(stax.Dense(1), stax.Erf(), stax.Dense(1))
>>> x = torch.eye(3, dtype=torch.float64, requires_grad=True)
>>> kernel(layer, x, get="ntk").sum().backward()
>>> x.grad.shape
torch.Size([3, 3])
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import torch

from . import _arrays, stax
from . import _library as lib
from ._jobs import Job
from ._network import options
from .kernels import apart

__all__ = ["kernel", "NetworkKernel"]  # noqa: F822


class _KernelFunction(torch.autograd.Function):
    """The NNGP or the tangent kernel of two data sets, and its transposed derivative."""

    @staticmethod
    def forward(ctx, kernel_fn, get, x1, x2):
        ctx.save_for_backward(x1, *([] if x2 is None else [x2]))
        ctx.kernel_fn, ctx.get = kernel_fn, get
        found = kernel_fn(_numpy(x1), None if x2 is None else _numpy(x2), get)
        return torch.from_numpy(np.array(found)).to(x1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        inputs = ctx.saved_tensors
        network = ctx.kernel_fn.network
        cotangent = _numpy(gradient)
        rank = inputs[0].ndim
        is_diagonal = cotangent.ndim == rank
        cotangent = np.ascontiguousarray(apart(cotangent, 2, is_diagonal and rank > 2))
        struct = _arrays.struct(_arrays.to_numpy(cotangent))
        cotangents = lib.KernelArrays()
        setattr(cotangents, ctx.get, struct)
        hints = lib.GradientHints(skips_x1=not ctx.needs_input_grad[2], skips_x2=not ctx.needs_input_grad[3])
        trees = [network.tree(_numpy(x), "x") for x in inputs]
        job = Job(
            lib.library.nt_kernel_vjp_job,
            network.handle,
            trees[0],
            trees[1] if len(trees) > 1 else None,
            None,
            None,
            ctypes.byref(cotangents),
            ctypes.byref(hints),
            ctypes.byref(options(lib.NNGP | (lib.NTK if ctx.get == "ntk" else 0))),
        )
        found = [torch.from_numpy(np.array(array)).to(x) for array, x in zip(job.run().arrays().values(), inputs)]
        return None, None, found[0], found[1] if len(found) > 1 else None


def _numpy(x: torch.Tensor) -> np.ndarray:
    return x.detach().cpu().numpy()


def kernel(network: Any, x1: torch.Tensor, x2: torch.Tensor | None = None, get: str = "nngp") -> torch.Tensor:
    """The kernel of a network as a function that PyTorch differentiates.

    Parameters
    ----------
    network : layer of stax, dict, str or path
    x1, x2 : tensor
        Inputs, on any device; the kernel is computed on the CPU and comes back to where `x1` is.
    get : {"nngp", "ntk"}
    """
    if get not in ("nngp", "ntk"):
        raise ValueError(f"get: expected 'nngp' or 'ntk', found {get!r}")
    return _KernelFunction.apply(stax.layer_from(network).kernel_fn, get, x1, x2)


def __getattr__(name: str) -> Any:
    """`NetworkKernel` needs GPyTorch, which is imported when it is asked for."""
    if name != "NetworkKernel":
        raise AttributeError(f"module {__name__} has no attribute {name}")
    import gpytorch

    class NetworkKernel(gpytorch.kernels.Kernel):
        """The kernel of a network for GPyTorch and BoTorch.

        Parameters
        ----------
        network : layer of stax, dict, str or path
        get : {"nngp", "ntk"}
        """

        has_lengthscale = False

        def __init__(self, network: Any, get: str = "nngp", **arguments: Any):
            super().__init__(**arguments)
            self.network, self.get = stax.layer_from(network), get

        def forward(self, x1, x2, diag=False, last_dim_is_batch=False, **ignored):
            """The kernel of rows, or of each row of `x1` with that of `x2`."""
            if last_dim_is_batch:
                raise NotImplementedError("last_dim_is_batch: expected False, found True")
            if x1.ndim > 2:
                shape = torch.broadcast_shapes(x1.shape[:-2], x2.shape[:-2])
                firsts = x1.expand(*shape, *x1.shape[-2:]).reshape(-1, *x1.shape[-2:])
                seconds = x2.expand(*shape, *x2.shape[-2:]).reshape(-1, *x2.shape[-2:])
                parts = [self.forward(a, b, diag) for a, b in zip(firsts, seconds)]
                return torch.stack(parts).reshape(*shape, *parts[0].shape)
            if diag and x1.shape == x2.shape and torch.equal(x1, x2) and self.get == "nngp" and not x1.requires_grad:
                found = self.network.kernel_fn(_numpy(x1), None, "cov1")
                return torch.from_numpy(np.array(found)).to(x1)
            if diag:
                return torch.stack([kernel(self.network, a[None], b[None], self.get)[0, 0] for a, b in zip(x1, x2)])
            is_same = x1 is x2 or (x1.shape == x2.shape and torch.equal(x1, x2))
            return kernel(self.network, x1, None if is_same else x2, self.get)

    globals()["NetworkKernel"] = NetworkKernel
    return NetworkKernel
