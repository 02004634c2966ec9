"""Kernels in PyTorch and GPyTorch."""

import numpy as np
import pytest
from conftest import cosine, sine

torch = pytest.importorskip("torch")

from swift_neural_tangents import stax
from swift_neural_tangents.torch import kernel

VECTORS = stax.serial(stax.Dense(4, 1.5, 0.1), stax.Erf(), stax.Dense(2, 1.2, 0.3))
IMAGES = stax.serial(stax.Conv(4, (3, 2), padding="SAME", b_std=0.1), stax.Gelu(), stax.GlobalAvgPool(), stax.Dense(1))


def test_tensors_give_tensors():
    found = VECTORS.kernel_fn(torch.from_numpy(sine((4, 3))), torch.from_numpy(cosine((3, 3))), "ntk")
    assert isinstance(found, torch.Tensor) and found.dtype == torch.float64
    np.testing.assert_allclose(found.numpy(), VECTORS.kernel_fn(sine((4, 3)), cosine((3, 3)), "ntk"))


@pytest.mark.parametrize("get", ["nngp", "ntk"])
@pytest.mark.parametrize("layer, shape", [(VECTORS, (3,)), (IMAGES, (4, 3, 2))], ids=["vectors", "images"])
def test_gradients(layer, shape, get):
    a = torch.from_numpy(sine((3, *shape))).requires_grad_()
    b = torch.from_numpy(cosine((2, *shape))).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: kernel(layer, a, b, get), (a, b), eps=1e-5, atol=1e-6)
    assert torch.autograd.gradcheck(lambda a: kernel(layer, a, None, get), (a,), eps=1e-5, atol=1e-6)


def test_a_kernel_of_gpytorch():
    gpytorch = pytest.importorskip("gpytorch")
    from swift_neural_tangents.torch import NetworkKernel

    x = torch.linspace(-1, 1, 15, dtype=torch.float64)[:, None]
    y = torch.sin(3 * x[:, 0])

    class Model(gpytorch.models.ExactGP):
        def __init__(self, likelihood):
            super().__init__(x, y, likelihood)
            self.mean_module = gpytorch.means.ZeroMean()
            self.covar_module = gpytorch.kernels.ScaleKernel(NetworkKernel(VECTORS))

        def forward(self, x):
            return gpytorch.distributions.MultivariateNormal(self.mean_module(x), self.covar_module(x))

    likelihood = gpytorch.likelihoods.GaussianLikelihood().double()
    model = Model(likelihood).double()
    likelihood.noise = 1e-3
    model.train()
    loss = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(10):
        optimizer.zero_grad()
        value = -loss(model(x), y)
        value.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        mean = model(x).mean
    assert (mean - y).abs().mean() < 0.3
    k = NetworkKernel(VECTORS)
    np.testing.assert_allclose(k(x, diag=True).numpy(), k(x).to_dense().diagonal().numpy(), rtol=1e-8)
