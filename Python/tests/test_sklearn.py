"""Estimators and kernels of scikit-learn."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.base import clone
from sklearn.datasets import load_digits, make_moons
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from swift_neural_tangents import stax
from swift_neural_tangents.sklearn import (
    NetworkKernel,
    NNGPClassifier,
    NNGPRegressor,
    NTKClassifier,
    NTKRegressor,
    kernel,
)


@parametrize_with_checks([NNGPRegressor(), NTKRegressor(), NNGPClassifier(), NTKClassifier()])
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


def _wave(rng, n=40):
    X = rng.uniform(-2, 2, (n, 2))
    return X, np.sin(X[:, 0]) + 0.1 * X[:, 1]


def test_regression_in_a_pipeline_with_a_grid(rng):
    X, y = _wave(rng)
    pipeline = make_pipeline(StandardScaler(), NTKRegressor())
    search = GridSearchCV(pipeline, {"ntkregressor__alpha": [1e-4, 1e-2]}, cv=3, n_jobs=2)
    assert search.fit(X, y).best_score_ > 0.8


def test_what_regressors_give(rng):
    X, y = _wave(rng)
    model = NNGPRegressor(alpha=1e-4).fit(X, y)
    mean, std = model.predict(X, return_std=True)
    _, covariance = model.predict(X, return_cov=True)
    np.testing.assert_allclose(std**2, np.maximum(np.diagonal(covariance), 0), atol=1e-9)
    far = np.full((1, 2), 20.0)
    assert model.predict(far, return_std=True)[1][0] > std.max()
    samples = model.sample_y(X[:5], 4000, random_state=1)
    assert samples.shape == (5, 4000)
    np.testing.assert_allclose(samples.mean(1), mean[:5], atol=5 * std.max() / 60 + 1e-3)
    two = NNGPRegressor().fit(X, np.stack([y, 2 * y], 1))
    assert two.predict(X).shape == (40, 2) and two.predict(X, return_std=True)[1].shape == (40, 2)
    assert two.sample_y(X, 3).shape == (40, 2, 3) and two.predict(X, return_cov=True)[1].shape == (40, 40, 2)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict(X), model.predict(X))
    early = NTKRegressor(time=10.0).fit(X, y)
    assert abs(early.predict(X) - y.mean()).mean() < abs(y - y.mean()).mean()
    with pytest.raises(ValueError, match="at most one"):
        model.predict(X, return_std=True, return_cov=True)
    for wrong in (dict(alpha=-1.0), dict(optimizer="adam"), dict(sample_shape=(3, 3)), dict(network={"dense": {"width": 0}})):
        with pytest.raises(ValueError):
            NNGPRegressor(**wrong).fit(X, y)


def test_evidence(rng):
    X, y = _wave(rng)
    plain = NNGPRegressor(alpha=0.1).fit(X, y)
    fitted = NNGPRegressor(optimizer="evidence").fit(X, y)
    assert fitted.log_marginal_likelihood_value_ > plain.log_marginal_likelihood_value_
    assert fitted.network_.kernel_fn.node != plain.network_.kernel_fn.node
    assert fitted.score(X, y) > 0.9


def test_networks_of_every_kind(rng, tmp_path):
    X, y = _wave(rng)
    layer = stax.serial(stax.Dense(64, 1.4, 0.2), stax.Erf(), stax.Dense(1))
    path = tmp_path / "network.json"
    path.write_text(layer.kernel_fn.network.json())
    expected = NNGPRegressor(network=layer).fit(X, y).predict(X)
    for network in (layer.kernel_fn.node, path.read_text(), path, str(path)):
        assert np.array_equal(clone(NNGPRegressor(network=network)).fit(X, y).predict(X), expected)


def test_images():
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X / 16, y, train_size=150, test_size=100, random_state=0)
    network = stax.serial(
        stax.Conv(1, (3, 3), padding="SAME", b_std=0.1),
        stax.Relu(),
        stax.Conv(1, (3, 3), padding="SAME", b_std=0.1),
        stax.Relu(),
        stax.Flatten(),
        stax.Dense(1),
    )
    model = NTKClassifier(network=network, sample_shape=(8, 8, 1)).fit(X_train, y_train)
    assert model.score(X_test, y_test) > 0.85
    probabilities = model.predict_proba(X_test)
    np.testing.assert_allclose(probabilities.sum(1), 1)
    assert (model.classes_[probabilities.argmax(1)] == model.predict(X_test)).mean() > 0.99


def test_probabilities_are_those_of_samples(rng):
    X, y = make_moons(60, noise=0.2, random_state=0)
    model = NNGPClassifier(alpha=0.1).fit(X, y)
    found = model._predicted(X[:5], True)
    std = np.sqrt(np.diagonal(found.covariance))
    draws = found.mean[None] + std[None, :, None] * rng.normal(size=(200_000, 5, 2))
    expected = (draws.argmax(2)[..., None] == np.arange(2)).mean(0)
    np.testing.assert_allclose(model.predict_proba(X[:5]), expected, atol=5e-3)
    assert cross_val_score(NTKClassifier(), X, y, cv=3).mean() > 0.85


def test_kernels_for_other_estimators(rng):
    X, y = _wave(rng)
    gp = GaussianProcessRegressor(kernel(), alpha=1e-3).fit(X, y)
    assert gp.score(X, y) > 0.9
    k = NetworkKernel(get="ntk")
    np.testing.assert_allclose(k.diag(X), np.diagonal(k(X)), rtol=1e-10)
    np.testing.assert_allclose(NetworkKernel().diag(X), np.diagonal(NetworkKernel()(X)), rtol=1e-10)
    labels = (y > 0).astype(int)
    assert SVC(kernel=k).fit(X, labels).score(X, labels) > 0.9
    assert not k.is_stationary() and k(X, eval_gradient=True)[1].shape == (40, 40, 0) and clone(k) == k
