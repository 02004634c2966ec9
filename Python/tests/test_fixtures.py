"""Every network of the committed fixtures, through Python."""

import numpy as np
import pytest
from conftest import array, cosine, fixture, names, sine

import swift_neural_tangents as nt
from swift_neural_tangents import stax
from swift_neural_tangents.kernels import activation_mask, interleaved

NETWORKS = fixture("networks")["networks"]
LAYERS = fixture("layers")["networks"]
FINITE = fixture("finite")["networks"]
FINITE_LAYERS = fixture("finite-layers")["networks"]
GOLDEN = fixture("golden")["networks"]
PREDICTION = fixture("prediction")["cases"]


def assert_close(found, expected, tolerance, scale=None):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    largest = abs(expected).max() if expected.size else 0
    scale = np.maximum(abs(expected), 1e-3 * largest) if scale is None else scale
    error = abs(found - expected)
    assert np.all(error <= tolerance * np.maximum(scale, 1e-300)), (error / np.maximum(scale, 1e-300)).max()


def test_there_are_more_than_a_thousand_networks():
    assert len(NETWORKS) > 120 and len(LAYERS) > 1000 and len(FINITE) > 90 and len(FINITE_LAYERS) > 170


@pytest.mark.parametrize("case", NETWORKS, ids=names(NETWORKS))
def test_kernels_of_fully_connected_networks(case):
    kernel_fn = stax.layer_from(case["network"]).kernel_fn
    x2 = cosine(case["x2"]) if case["x2"] else None
    kernel = kernel_fn(sine(case["x1"]), x2)
    tolerance = max(1e-12, case.get("tolerance", 0))
    cov1 = np.array(case["cov1"])
    cov2 = np.array(case["cov2"] or case["cov1"])
    assert_close(kernel.nngp, case["nngp"], tolerance, np.sqrt(np.outer(cov1, cov2)))
    ntk = np.array(case["ntk"])
    assert_close(kernel.ntk, ntk, tolerance, abs(ntk).max())
    assert_close(kernel.cov1, cov1, tolerance)
    assert (kernel.cov2 is None) == (case["cov2"] is None)
    assert kernel.x1_is_x2 == (x2 is None)


@pytest.mark.parametrize("case", LAYERS, ids=names(LAYERS))
def test_kernels_of_networks_with_positions(case):
    kernel_fn = stax.layer_from(case["network"]).kernel_fn

    def inputs(function, shape, masked):
        x = function(shape)
        if masked is not None and case.get("maskConstant") is not None:
            x.flat[masked] = case["maskConstant"]
        return x

    x1 = inputs(sine, case["x1"], case.get("masked1"))
    x2 = inputs(cosine, case["x2"], case.get("masked2")) if case.get("x2") else None
    pattern = None
    if case.get("pattern1"):
        pattern = (array(case["pattern1"]), array(case.get("pattern2")))
    kernel = kernel_fn(
        x1,
        x2,
        pattern=pattern,
        mask_constant=case.get("maskConstant"),
        diagonal_spatial=case["diagonalSpace"],
        diagonal_batch=not case["fullBatch"],
        # Quadrature is not symmetric in the two inputs, which tiles that are mirrored do not show.
        executor="reference" if case["name"].startswith("numerical") else "automatic",
    )
    assert list(kernel.shape1) == case["shape1"]
    tolerance = max(1e-9, case.get("tolerance") or 0)
    is_diagonal = kernel.diagonal_spatial
    batch = 2 if case["fullBatch"] else 1
    for name, axes in (("nngp", 2), ("ntk", 2), ("cov1", batch), ("cov2", batch)):
        expected = array(case.get(name))
        found = getattr(kernel, name)
        assert (found is None) == (expected is None)
        if expected is not None:
            assert_close(found, interleaved(expected, axes, is_diagonal), tolerance)
    mask = array(case.get("mask1"))
    if kernel.mask1 is not None:
        assert np.array_equal(kernel.mask1, activation_mask(mask.astype(bool), kernel.batch_axis, kernel.channel_axis))
    elif mask is not None:
        assert not mask.any()


@pytest.mark.parametrize("case", GOLDEN, ids=names(GOLDEN))
def test_numbers_that_neural_tangents_printed(case):
    kernel_fn = stax.layer_from(case["network"]).kernel_fn
    if len(case["x1"]) > 2 and case.get("pattern1") or "mask" in case["name"].lower() or "ggregate" in case["name"]:
        pytest.skip("with masks or graphs, which the other fixtures have")
    nngp, ntk = kernel_fn(sine(case["x1"]), cosine(case["x2"]), ("nngp", "ntk"))
    assert list(nngp.shape) == case["shape"]
    np.testing.assert_allclose(nngp.ravel()[:2], case["nngp"], rtol=1e-8)
    np.testing.assert_allclose(ntk.ravel()[:2], case["ntk"], rtol=1e-8)


def _leaves(tree):
    if isinstance(tree, (list, tuple)):
        return [leaf for child in tree for leaf in _leaves(child)]
    return [] if tree is None else [tree]


@pytest.mark.parametrize("case", FINITE, ids=[f"{c['name']} {c['dtype']}" for c in FINITE])
def test_finite_networks_have_the_bits_of_jax(case):
    init_fn, apply_fn, _ = stax.layer_from(case["network"])
    shape, params = init_fn(case["key"], tuple(case["input"]), dtype=case["dtype"])
    leaves = _leaves(params)
    assert len(leaves) == len(case["parameters"])
    tolerance = 1e-6 if case["dtype"] == "float32" else 1e-12
    for found, expected in zip(leaves, case["parameters"]):
        # Those of the standard parameterization are rounded otherwise when they are scaled.
        np.testing.assert_allclose(found, array(expected), rtol=tolerance, atol=tolerance)
    x = sine(case["input"], case["dtype"])
    rng = case["applyKey"]
    y = apply_fn(params, x, rng=rng)
    assert shape == y.shape == tuple(case["output"]["shape"])
    assert y.dtype == case["dtype"]
    expected = array(case["output"])
    assert_close(y, expected, 2e-5 if case["dtype"] == "float32" else 1e-10, abs(expected).max())


@pytest.mark.parametrize("case", FINITE_LAYERS, ids=names(FINITE_LAYERS))
def test_finite_networks_with_positions(case):
    init_fn, apply_fn, _ = stax.layer_from(case["network"])
    shape, params = init_fn(case["key"], tuple(case["input"]), dtype="float32")
    for found, expected in zip(_leaves(params), case["parameters"]):
        assert list(found.shape) == expected["shape"]
        if "sum" in expected and expected["sum"] is not None:
            assert abs(found.astype(float).sum() - expected["sum"]) <= 1e-5 * (1 + expected["squares"])
    x = sine(case["input"], np.float32)
    if case.get("masked") is not None:
        x.flat[case["masked"]] = case["maskConstant"]
    pattern = array(case.get("pattern"))
    if pattern is not None and pattern.dtype == np.float64:
        pattern = pattern.astype(np.float32)
    y = stax.unmask_fn(apply_fn)(params, x, rng=case["applyKey"], mask_constant=case.get("maskConstant"), pattern=pattern)
    expected = array(case["output"])
    assert shape == y.shape == expected.shape
    assert_close(y, expected, 2e-5, max(abs(expected).max(), 1e-30))


# ----------------------------------------------------------------------------------------------------------- predictions


def _predictions():
    for case in PREDICTION:
        for index, result in enumerate(case["results"]):
            yield pytest.param(case, result, id=f"{case['name']} {index} {result['function']}")


def _loss(name):
    def mean_squared(f, y):
        return 0.5 * ((f - y) ** 2).mean()

    def cross_entropy(f, y):
        softmax = np.exp(y - y.max(-1, keepdims=True))
        softmax /= softmax.sum(-1, keepdims=True)
        log = f - f.max(-1, keepdims=True)
        log = log - np.log(np.exp(log).sum(-1, keepdims=True))
        return -(softmax * log).sum(-1).mean()

    def cross_entropy_gradient(f, y):
        def softmax(a):
            e = np.exp(a - a.max(-1, keepdims=True))
            return e / e.sum(-1, keepdims=True)

        return (softmax(f) - softmax(y)) / len(f)

    if name == "meanSquared":
        mean_squared.gradient = lambda f, y: (f - y) / f.size
        return mean_squared
    cross_entropy.gradient = cross_entropy_gradient
    return cross_entropy


@pytest.mark.parametrize("case, result", list(_predictions()))
def test_predictions(case, result):
    pytest.importorskip("scipy") if result["function"] == "gradientDescent" else None
    x_train, x_test, y_train = (array(case[name]) for name in ("xTrain", "xTest", "yTrain"))
    train = {name: array(case["kernels"][f"{name}TrainTrain"]) for name in ("nngp", "ntk")}
    test_train = {name: array(case["kernels"][f"{name}TestTrain"]) for name in ("nngp", "ntk")}
    test_test = {name: array(case["kernels"][f"{name}TestTest"]) for name in ("nngp", "ntk")}

    def kernel_fn(x1, x2, get):
        # Those of the fixture, whose rounding shows where the flow is long.
        kernels = test_train if x2 is not None else train if x1 is x_train else test_test
        return tuple(kernels[name] for name in get)

    function = result["function"]
    result.setdefault("computeCovariance", function == "gradientDescentMSEEnsemble")
    regular = dict(diag_reg=result.get("diagReg", 0.0), diag_reg_absolute_scale=result.get("absoluteScale", False))
    tolerance = max(result.get("tolerance") or 0, 1e-9)

    def close(found, expected):
        expected = array(expected)
        assert np.shape(found) == expected.shape
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * max(1, abs(expected).max()))

    if function == "maxLearningRate":
        found = nt.predict.max_learning_rate(train["ntk"], result["outputSize"], result["momentum"] or 0.0)
        np.testing.assert_allclose(found, result["value"], rtol=1e-9)
    elif function == "gpInference":
        predict = nt.predict.gp_inference(train, y_train, **regular)
        found = predict(
            result["kernel"], None if result.get("onTrain") else test_train, test_test if result["computeCovariance"] else None
        )
        mean = found.mean if result["computeCovariance"] else found
        close(mean, result["output"]["mean"])
        if result["computeCovariance"]:
            close(found.covariance, result["output"]["covariance"])
    elif function == "gradientDescentMSEEnsemble":
        predict = nt.predict.gradient_descent_mse_ensemble(
            kernel_fn, x_train, y_train, learning_rate=result["learningRate"], **regular
        )
        found = predict(
            t=result["time"],
            x_test=None if result.get("onTrain") else x_test,
            get=result["kernel"],
            compute_cov=result["computeCovariance"],
        )
        mean = found.mean if result["computeCovariance"] else found
        close(mean, result["output"]["mean"])
        if result["computeCovariance"]:
            close(found.covariance, result["output"]["covariance"])
    elif function == "gradientDescentMSE":
        kernel, between = train[result["kernel"]], test_train[result["kernel"]]
        predict = nt.predict.gradient_descent_mse(kernel, y_train, learning_rate=result["learningRate"], **regular)
        if result["initial"]:
            start, start_test = array(case["initialTrain"]), array(case["initialTest"])
            train_found, test_found = predict(result["time"], start, start_test, between)
            close(train_found, result["train"])
            close(test_found, result["test"])
        else:
            close(predict(result["time"], 0.0), result["trainOnly"])
            close(predict(result["time"], None, 0.0, between), result["testOnly"])
    else:
        predict = nt.predict.gradient_descent(
            _loss(result["loss"]), train["ntk"], y_train, learning_rate=result["learningRate"], momentum=result["momentum"]
        )
        start, start_test = array(case["initialTrain"]), array(case["initialTest"])
        train_found, test_found = predict(result["time"], start, start_test, test_train["ntk"])
        tolerance = max(tolerance, 1e-6)
        close(train_found, result["train"])
        close(test_found, result["test"])
