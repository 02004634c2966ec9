"""Infinitely wide networks as estimators of scikit-learn, and as its kernels.

Examples
--------
>>> import numpy as np
>>> from swift_neural_tangents.sklearn import NNGPRegressor
>>> X = np.linspace(-1, 1, 20)[:, None]
>>> model = NNGPRegressor().fit(X, np.sin(3 * X[:, 0]))
>>> mean, std = model.predict(X[:3], return_std=True)
>>> mean.shape, std.shape
((3,), (3,))
"""

from __future__ import annotations

import ctypes
import math
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MultiOutputMixin, RegressorMixin
from sklearn.gaussian_process.kernels import Kernel as SklearnKernel
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from . import _arrays, predict, stax
from . import _library as lib
from ._jobs import Job
from ._layers import Layer
from ._network import options

__all__ = ["NNGPRegressor", "NTKRegressor", "NNGPClassifier", "NTKClassifier", "kernel", "NetworkKernel"]


def default_network() -> Layer:
    """The network of estimators that are given none: two hidden layers of ReLU."""
    return stax.serial(
        stax.Dense(512, W_std=1.4, b_std=0.2),
        stax.Relu(),
        stax.Dense(512, W_std=1.4, b_std=0.2),
        stax.Relu(),
        stax.Dense(1, W_std=1.0, b_std=0.1),
    )


def _layer(network: Any) -> Layer:
    return default_network() if network is None else stax.layer_from(network)


class _Ensemble(BaseEstimator):
    """What regressors and classifiers have in common."""

    _kind = "nngp"

    def __init__(
        self,
        network=None,
        alpha=1e-3,
        normalize_y=True,
        time=None,
        precision=None,
        n_jobs=None,
        sample_shape=None,
        optimizer=None,
    ):
        self.network = network
        self.alpha = alpha
        self.normalize_y = normalize_y
        self.time = time
        self.precision = precision
        self.n_jobs = n_jobs
        self.sample_shape = sample_shape
        self.optimizer = optimizer

    def __getstate__(self):
        state = super().__getstate__()
        # Decompositions are made anew from the training data.
        return {name: value for name, value in state.items() if name != "_predict_fn"}

    def _kernel_fn(self, x1, x2=None, get="nngp"):
        return self.network_.kernel_fn(
            x1, x2, get, precision=self.precision, threads=None if self.n_jobs in (None, -1) else self.n_jobs
        )

    def _inputs(self, X: np.ndarray) -> np.ndarray:
        if self.sample_shape is None:
            return X
        shape = tuple(self.sample_shape)
        if math.prod(shape) != X.shape[1]:
            raise ValueError(f"sample_shape: expected a shape of {X.shape[1]} numbers, as X has features, found {shape}")
        return X.reshape(len(X), *shape)

    def _fit_targets(self, X: np.ndarray, targets: np.ndarray) -> None:
        """Keeps the training data, and decomposes their kernel."""
        if not np.isscalar(self.alpha) or not np.isfinite(self.alpha) or self.alpha < 0:
            raise ValueError(f"alpha: expected a number of at least 0, found {self.alpha!r}")
        if self.optimizer not in (None, "evidence"):
            raise ValueError(f"optimizer: expected None or 'evidence', found {self.optimizer!r}")
        self.network_ = _layer(self.network)
        self.alpha_, self._is_absolute = float(self.alpha), False
        self.X_train_ = self._inputs(X)
        self.y_train_ = targets
        if self.optimizer == "evidence":
            self._fit_evidence()
        self._predict_fn = self._make_predict_fn()
        # Mistakes in network and data show now, and not when something is predicted.
        self._predict_fn(t=self.time, x_test=self.X_train_[:1], get=self._kind)

    def _make_predict_fn(self):
        return predict.gradient_descent_mse_ensemble(
            self._kernel_fn, self.X_train_, self.y_train_, diag_reg=self.alpha_, diag_reg_absolute_scale=self._is_absolute
        )

    def _fit_evidence(self) -> None:
        """Fits standard deviations of the network, and the noise, by maximum marginal likelihood."""
        if self.X_train_.ndim != 2:
            raise ValueError("optimizer: expected None for inputs with positions, found 'evidence'")
        settings = lib.Fit(uses_ntk=self._kind != "nngp", iterations=100, prior_width=3.0)
        job = Job(
            lib.library.nt_fit_job,
            self.network_.kernel_fn.network.handle,
            _arrays.reference(_arrays.to_numpy(self.X_train_, "X")),
            _arrays.reference(_arrays.to_numpy(self.y_train_, "y")),
            ctypes.byref(settings),
            ctypes.byref(options()),
        )
        found = job.run().json
        self.network_ = stax.layer_from(found["network"])
        self.alpha_, self._is_absolute = found["noiseVariance"], True

    def _predicted(self, X: np.ndarray, compute_cov: bool):
        check_is_fitted(self)
        X = self._inputs(validate_data(self, X, reset=False, dtype=[np.float64, np.float32]))
        if not hasattr(self, "_predict_fn"):
            self._predict_fn = self._make_predict_fn()
        return self._predict_fn(t=self.time, x_test=X, get=self._kind, compute_cov=compute_cov)


class _Regressor(MultiOutputMixin, RegressorMixin, _Ensemble):
    """Regression with mean and covariance."""

    def fit(self, X, y):
        """Keeps the training data and decomposes their kernel.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
        y : array of shape (n_samples,) or (n_samples, n_outputs)
        """
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True, dtype=[np.float64, np.float32])
        y = np.asarray(y, dtype=np.float64)
        self._is_vector = y.ndim == 1
        targets = y[:, None] if self._is_vector else y
        self.y_mean_ = targets.mean(0) if self.normalize_y else np.zeros(targets.shape[1])
        scale = targets.std(0) if self.normalize_y else np.ones(targets.shape[1])
        self.y_scale_ = np.where(scale > 0, scale, 1.0)
        self._fit_targets(X, (targets - self.y_mean_) / self.y_scale_)
        return self

    def predict(self, X, return_std=False, return_cov=False):
        """The mean, and the standard deviation or the covariance with it.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
        return_std, return_cov : bool
            At most one.

        Returns
        -------
        mean : array of shape (n_samples,) or (n_samples, n_outputs)
        std : array of the shape of the mean
        covariance : array of shape (n_samples, n_samples) or (n_samples, n_samples, n_outputs)
        """
        if return_std and return_cov:
            raise ValueError("return_std, return_cov: expected at most one, found both")
        found = self._predicted(X, return_std or return_cov)
        mean = (found.mean if return_std or return_cov else found) * self.y_scale_ + self.y_mean_
        mean = mean[:, 0] if self._is_vector else mean
        if return_std:
            variance = np.maximum(np.diagonal(found.covariance), 0)
            std = np.sqrt(variance)[:, None] * self.y_scale_
            return mean, std[:, 0] if self._is_vector else std
        if return_cov:
            covariance = found.covariance[..., None] * self.y_scale_**2
            return mean, covariance[..., 0] if self._is_vector else covariance
        return mean

    def sample_y(self, X, n_samples=1, random_state=0):
        """Samples of the outputs: shape (n_samples of X, n_samples), or (n_samples of X, n_outputs, n_samples)."""
        rng = check_random_state(random_state)
        mean, covariance = self.predict(X, return_cov=True)
        if self._is_vector:
            return rng.multivariate_normal(mean, covariance, n_samples, check_valid="ignore").T
        return np.stack(
            [
                rng.multivariate_normal(mean[:, i], covariance[..., i], n_samples, check_valid="ignore").T
                for i in range(mean.shape[1])
            ],
            1,
        )

    @property
    def log_marginal_likelihood_value_(self) -> float:
        """The logarithm of the density of the normalised targets under the Gaussian process, summed over outputs."""
        check_is_fitted(self)
        kernel = np.asarray(self._kernel_fn(self.X_train_, None, "nngp" if self._kind == "nngp" else "ntk"), np.float64)
        shift = self.alpha_ * (1.0 if self._is_absolute else np.trace(kernel) / len(kernel))
        factor = np.linalg.cholesky(kernel + shift * np.eye(len(kernel)))
        whitened = predict._triangular(np, factor, self.y_train_, False)
        count, outputs = self.y_train_.shape
        return float(
            -0.5 * (whitened**2).sum() - outputs * np.log(np.diagonal(factor)).sum() - 0.5 * count * outputs * math.log(2 * math.pi)
        )


_PARAMETERS = """
    Parameters
    ----------
    network : dict, str, path or layer of stax, optional
        The network: a node of a network file, JSON text, a file, or a layer; by default two hidden layers of ReLU.
    alpha : float
        Added to the diagonal of the kernel, relative to its mean: noise.
    normalize_y : bool
        Whether targets are shifted and scaled to mean 0 and variance 1.
    time : float, optional
        Training time in units of gradient steps; by default training to the end.
    precision : dtype, optional
        float32 or float64 for kernels; by default that of the data.
    n_jobs : int, optional
        Threads to compute with.
    sample_shape : tuple of int, optional
        Shape of one input, such as (8, 8, 1) for images whose pixels are the features.
    optimizer : {None, "evidence"}
        "evidence" fits the standard deviations of the network, and the noise, by maximum marginal likelihood.
"""


class NNGPRegressor(_Regressor):
    __doc__ = "The exact Gaussian process of an infinitely wide network: Bayesian regression.\n" + _PARAMETERS
    _kind = "nngp"


class NTKRegressor(_Regressor):
    __doc__ = "The infinite ensemble of infinitely wide networks trained by gradient descent.\n" + _PARAMETERS
    _kind = "ntk"


class _Classifier(ClassifierMixin, _Ensemble):
    """Classification by regression to the classes' indicators."""

    def fit(self, X, y):
        """Keeps the training data and decomposes their kernel.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
        y : array of shape (n_samples,)
        """
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32])
        check_classification_targets(y)
        self.classes_, indices = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y: expected at least two classes, found one class, {self.classes_[0]!r}")
        targets = np.eye(len(self.classes_))[indices] - 1 / len(self.classes_)
        self._fit_targets(X, targets)
        return self

    def predict(self, X):
        """The most probable class of each input."""
        scores = self._predicted(X, False)
        return self.classes_[np.argmax(scores, 1)]

    def predict_proba(self, X):
        """The probability that each class has the largest output, shape (n_samples, n_classes)."""
        from scipy.special import ndtr

        found = self._predicted(X, True)
        std = np.sqrt(np.maximum(np.diagonal(found.covariance), 1e-12))
        mean = found.mean / std[:, None]
        nodes, weights = np.polynomial.hermite.hermgauss(64)
        # The density of one output, times the probability that all others are below it.
        z = math.sqrt(2) * nodes
        probabilities = np.empty_like(mean)
        for label in range(mean.shape[1]):
            others = np.delete(mean, label, axis=1)
            below = ndtr(z[:, None, None] + mean[None, :, label, None] - others[None])
            probabilities[:, label] = (weights[:, None] / math.sqrt(math.pi) * below.prod(2)).sum(0)
        probabilities = np.maximum(probabilities, 0)
        return probabilities / probabilities.sum(1, keepdims=True)


class NNGPClassifier(_Classifier):
    __doc__ = "Classification by the exact Gaussian process of an infinitely wide network.\n" + _PARAMETERS
    _kind = "nngp"


class NTKClassifier(_Classifier):
    __doc__ = "Classification by the infinite ensemble of infinitely wide networks trained by gradient descent.\n" + _PARAMETERS
    _kind = "ntk"


class NetworkKernel(SklearnKernel):
    """The kernel of a network for `GaussianProcessRegressor`, `SVC(kernel=…)` and others; it has no parameters to fit.

    Parameters
    ----------
    network : dict, str, path or layer of stax, optional
    get : {"nngp", "ntk"}
    sample_shape : tuple of int, optional
    """

    def __init__(self, network=None, get="nngp", sample_shape=None):
        self.network = network
        self.get = get
        self.sample_shape = sample_shape

    def _inputs(self, X):
        X = np.atleast_2d(X)
        return X if self.sample_shape is None else X.reshape(len(X), *self.sample_shape)

    def __call__(self, X, Y=None, eval_gradient=False):
        """The kernel between rows of `X` and of `Y`, and an empty gradient if it is asked for."""
        if self.get not in ("nngp", "ntk"):
            raise ValueError(f"get: expected 'nngp' or 'ntk', found {self.get!r}")
        found = _layer(self.network).kernel_fn(self._inputs(X), None if Y is None else self._inputs(Y), self.get)
        return (found, np.empty((*found.shape, 0))) if eval_gradient else found

    def diag(self, X):
        """The kernel of each row with itself."""
        if self.get == "nngp":
            return _layer(self.network).kernel_fn(self._inputs(X), None, "cov1")
        return np.array([self(row[None])[0, 0] for row in np.atleast_2d(X)])

    def is_stationary(self):
        """False: the kernel is a function of both inputs, and not of their difference."""
        return False

    def __eq__(self, other):
        return type(self) is type(other) and self.get_params() == other.get_params()

    __hash__ = None

    def __repr__(self):
        return f"NetworkKernel({self.get})"


def kernel(network: Any = None, get: str = "nngp", sample_shape: Any = None) -> NetworkKernel:
    """The kernel of a network for scikit-learn.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.svm import SVC
    >>> X, y = np.eye(4), np.array([0, 1, 0, 1])
    >>> SVC(kernel=kernel(get="ntk")).fit(X, y).predict(X).shape
    (4,)
    """
    return NetworkKernel(network, get, sample_shape)
