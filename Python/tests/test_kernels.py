"""`kernel_fn`: what it takes, what it gives, and how it goes on from a `Kernel`."""

import dataclasses

import numpy as np
import pytest
from conftest import cosine, sine

import swift_neural_tangents as nt
from swift_neural_tangents import stax

NETWORK = stax.serial(stax.Dense(4, 1.5, 0.1), stax.Relu(), stax.Dense(2, 1.2))
X1, X2 = sine([4, 3]), cosine([3, 3])


def images(n=2):
    return sine([n, 5, 4, 3])


def test_get():
    kernel_fn = NETWORK.kernel_fn
    whole = kernel_fn(X1, X2)
    assert isinstance(whole, nt.Kernel)
    assert np.array_equal(kernel_fn(X1, X2, "nngp"), whole.nngp)
    assert np.array_equal(kernel_fn(X1, X2, get="NTK"), whole.ntk)
    both = kernel_fn(X1, X2, ("ntk", "nngp"))
    assert both._fields == ("ntk", "nngp") and type(both).__name__ == "AnalyticKernel"
    assert kernel_fn(X1, X2, ["nngp", "cov2"]).cov2.shape == (3,)
    assert kernel_fn(X1, X2, "nngp").dtype == np.float64
    assert kernel_fn(X1, None, "cov2") is None
    assert kernel_fn(X1, X2, get=("nngp",)).nngp.shape == (4, 3)
    assert kernel_fn(X1, get="shape1") == (4, 2)
    for wrong, error in ((("ntk", "NTK"), ValueError), ((), ValueError), ("covariance", KeyError)):
        with pytest.raises(error):
            kernel_fn(X1, X2, wrong)


def test_without_the_tangent_kernel_there_is_none():
    assert NETWORK.kernel_fn(X1, X2, ("nngp", "cov1")).cov1.shape == (4,)
    assert stax.Dense(1).kernel_fn(X1, None).ntk is not None


def test_fields():
    kernel = NETWORK.kernel_fn(X1)
    assert [field.name for field in dataclasses.fields(kernel)] == [
        "nngp",
        "ntk",
        "cov1",
        "cov2",
        "x1_is_x2",
        "is_gaussian",
        "is_reversed",
        "is_input",
        "diagonal_batch",
        "diagonal_spatial",
        "shape1",
        "shape2",
        "batch_axis",
        "channel_axis",
        "mask1",
        "mask2",
    ]
    assert kernel.cov2 is None and kernel.x1_is_x2 and kernel.is_gaussian
    assert np.array_equal(kernel.cov1, np.diag(kernel.nngp))
    assert kernel.replace(nngp=None).nngp is None and kernel.asdict()["shape1"] == (4, 2) and len(kernel.astuple()) == 16
    assert np.array_equal(kernel.nngp, kernel.nngp.T)
    assert NETWORK.kernel_fn(X1, X1.copy()).x1_is_x2
    assert not NETWORK.kernel_fn(X1, X2).x1_is_x2


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "bool"])
def test_element_types(dtype):
    x = np.array([[1, 0, 1], [0, 1, 1]]).astype(dtype)
    kernel = NETWORK.kernel_fn(x, get="ntk")
    assert kernel.dtype == (np.float32 if dtype in ("float32", "float16") else np.float64)
    np.testing.assert_allclose(kernel, NETWORK.kernel_fn(x.astype("float64"), get="ntk"), rtol=1e-5)
    assert NETWORK.kernel_fn(x, get="ntk", precision="float32").dtype == np.float32


def test_arrays_of_any_layout():
    x = np.asfortranarray(X1)
    assert np.array_equal(NETWORK.kernel_fn(x, get="ntk"), NETWORK.kernel_fn(X1, get="ntk"))
    assert np.array_equal(NETWORK.kernel_fn(np.repeat(X1, 2, 0)[::2], get="ntk"), NETWORK.kernel_fn(X1, get="ntk"))
    with pytest.raises(TypeError, match="have to be an array"):
        NETWORK.kernel_fn(X1.tolist())
    assert NETWORK.kernel_fn(X1.astype(">f8"), get="ntk").shape == (4, 4)


def test_results_are_arrays_that_can_be_written_and_outlive_everything():
    kernel = NETWORK.kernel_fn(X1, X2)
    ntk = kernel.ntk
    before = ntk.copy()
    del kernel
    ntk += 1
    assert np.array_equal(ntk, before + 1)


def test_no_two_results_share_memory():
    kernel = NETWORK.kernel_fn(X1, X1.copy())
    arrays = [kernel.nngp, kernel.ntk, kernel.cov1, kernel.cov2]
    for i, one in enumerate(arrays):
        assert not any(np.shares_memory(one, other) for other in arrays[:i])


def test_composition_is_the_whole_network():
    first = stax.serial(stax.Conv(8, (3, 2), padding="SAME", b_std=0.1), stax.Relu())
    last = stax.serial(stax.Conv(8, (2, 3)), stax.Relu(), stax.AvgPool((2, 2)), stax.Flatten(), stax.Dense(3))
    whole = stax.serial(first, last).kernel_fn(images(3), cosine([2, 5, 4, 3]))
    middle = first.kernel_fn(images(3), cosine([2, 5, 4, 3]))
    assert middle.nngp.shape == (3, 2, 5, 5, 4, 4) and middle.cov1.shape == (3, 5, 5, 4, 4)
    parts = last.kernel_fn(middle)
    for name in ("nngp", "ntk", "cov1", "cov2"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-10)
    assert parts.shape1 == whole.shape1 == (3, 3)
    assert last.kernel_fn(middle, get="nngp").shape == (3, 2)
    # Reversed axes of positions, as neural-tangents may have made them, mean the same.
    np.testing.assert_allclose(last.kernel_fn(middle.reverse()).ntk, whole.ntk, rtol=1e-10)
    # A tangent kernel that is a zero scalar is one of zeros.
    scalar = stax.Dense(1).kernel_fn(NETWORK.kernel_fn(X1).replace(ntk=np.zeros(())))
    np.testing.assert_allclose(scalar.ntk, scalar.nngp)


def test_composition_checks_what_it_is_given():
    kernel = NETWORK.kernel_fn(X1, X2)
    layer = stax.serial(stax.Relu(), stax.Dense(1)).kernel_fn
    with pytest.raises(nt.NetworkError, match=r"kernel.nngp: expected shape \[4, 3\], found \[3, 3\]"):
        layer(kernel.replace(nngp=kernel.nngp[1:]))
    with pytest.raises(nt.NetworkError, match="finite"):
        layer(kernel.replace(cov1=np.full(4, np.nan)))
    with pytest.raises(TypeError):
        layer(kernel, X2)
    with pytest.raises(TypeError):
        layer([kernel, X2])


def test_operations_on_kernels():
    kernel = stax.serial(stax.Conv(8, (3, 2), padding="SAME", b_std=0.1)).kernel_fn(images(3), cosine([2, 5, 4, 3]))
    assert np.allclose((kernel * 2.0).ntk, 4 * kernel.ntk) and np.allclose((kernel / 2).nngp, kernel.nngp / 4)
    assert np.allclose((kernel + 3).cov1, kernel.cov1 + 9) and np.array_equal((3 + kernel).ntk, kernel.ntk)
    assert kernel.transpose().nngp.shape == (3, 2, 4, 4, 5, 5) and kernel.transpose().shape1 == (3, 4, 5, 8)
    part = kernel.slice(slice(1, 3), slice(0, 1))
    assert part.nngp.shape[:2] == (2, 1) and part.shape1[0] == 2 and part.cov2.shape[0] == 1
    assert kernel[:, 1:3].shape1 == (3, 2, 4, 8) and kernel[:, 1:3].nngp.shape == (3, 2, 2, 2, 4, 4)
    assert np.allclose(kernel[:, 1:3].nngp, kernel.nngp[:, :, 1:3, 1:3])
    mask = np.zeros((3, 5, 4, 1), bool)
    mask[:, 0] = True
    masked = kernel.mask(mask, None)
    assert not masked.nngp[:, :, 0].any() and masked.nngp[:, :, 1].any() and masked.mask1 is mask


def test_diagonals():
    network = stax.serial(stax.Conv(4, (3, 2), padding="SAME"), stax.Relu()).kernel_fn
    full = network(images())
    diagonal = network(images(), diagonal_spatial=True)
    assert diagonal.diagonal_spatial and diagonal.nngp.shape == (2, 2, 5, 4)
    np.testing.assert_allclose(diagonal.nngp, np.einsum("nmiijj->nmij", full.nngp), rtol=1e-12)
    batch = network(images(), diagonal_batch=False)
    np.testing.assert_allclose(batch.cov1, full.nngp, rtol=1e-12)
    assert not batch.diagonal_batch


def test_masks():
    x = images(3)
    x[0, 1] = np.nan
    network = stax.serial(stax.Conv(4, (3, 2), padding="SAME"), stax.Relu(), stax.GlobalAvgPool(), stax.Dense(1)).kernel_fn
    with pytest.raises(nt.NetworkError, match="NaN or infinity at"):
        network(x)
    by_nan = network(x, mask_constant=np.nan)
    assert by_nan.mask1.shape == (3, 1) and not by_nan.mask1.any()
    np.testing.assert_allclose(network(np.nan_to_num(x, nan=100.0), mask_constant=100.0).ntk, by_nan.ntk)
    middle = stax.Conv(4, (3, 2), padding="SAME").kernel_fn(x, mask_constant=np.nan)
    assert middle.mask1.shape == (3, 5, 4, 1) and middle.mask1[0, 1].all() and not middle.mask1[1].any()
    rest = stax.serial(stax.Relu(), stax.GlobalAvgPool(), stax.Dense(1)).kernel_fn
    np.testing.assert_allclose(rest(middle).ntk, by_nan.ntk, rtol=1e-10)


def test_patterns():
    network = stax.serial(stax.Dense(4), stax.Aggregate(1), stax.Relu(), stax.GlobalAvgPool(), stax.Dense(1)).kernel_fn
    x1, x2 = sine([3, 4, 2]), cosine([2, 4, 2])
    p1, p2 = abs(sine([3, 4, 4])), abs(cosine([2, 4, 4]))
    kernel = network(x1, x2, "ntk", pattern=(p1, p2))
    np.testing.assert_allclose(network(x2, x1, "ntk", pattern=(p2, p1)), kernel.T, rtol=1e-12)
    np.testing.assert_allclose(network(x1, None, "ntk", pattern=(p1, None)), network(x1, None, "ntk", pattern=p1))
    assert network(x1, None, "ntk", pattern=(None, None)).shape == (3, 3)
    with pytest.raises(nt.NetworkError, match="patterns.first: expected one graph for each of 3 inputs"):
        network(x1, x2, pattern=(p2, p2))


def test_several_inputs_and_outputs():
    layer = stax.parallel(stax.Dense(3), stax.serial(stax.Dense(2), stax.Relu(), stax.Dense(2)))
    kernels = layer.kernel_fn((X1, X1[:, :2]), (X2, X2[:, :2]))
    assert isinstance(kernels, tuple) and kernels[0].nngp.shape == (4, 3) and kernels[1].shape1 == (4, 2)
    joined = stax.serial(layer, stax.FanInConcat(), stax.Dense(1))
    assert joined.kernel_fn([X1, X1[:, :2]], get="ntk").shape == (4, 4)
    both = layer.kernel_fn([X1, X1[:, :2]], None, "nngp")
    assert isinstance(both, list) and both[1].shape == (4, 4)
    np.testing.assert_allclose(
        stax.serial(stax.FanInConcat(), stax.Dense(1)).kernel_fn(list(kernels)).ntk,
        joined.kernel_fn([X1, X1[:, :2]], [X2, X2[:, :2]], "ntk"),
    )
    with pytest.raises(nt.NetworkError, match="x2: expected the structure of x1"):
        layer.kernel_fn([X1, X1[:, :2]], X2)


def test_axes_elsewhere():
    network = stax.serial(stax.Dense(3, batch_axis=1, channel_axis=0), stax.Relu(), stax.Dense(2, batch_axis=1, channel_axis=0))
    kernel = network.kernel_fn(X1.T, X2.T)
    usual = stax.serial(stax.Dense(3), stax.Relu(), stax.Dense(2)).kernel_fn(X1, X2)
    np.testing.assert_allclose(kernel.ntk, usual.ntk)
    assert kernel.batch_axis == 1 and kernel.channel_axis == 0 and kernel.shape1 == (2, 4)


@pytest.mark.parametrize("tile", [1, 3, 100])
def test_batches_change_nothing(tile):
    x = sine([40, 3])
    expected = NETWORK.kernel_fn(x, X2)
    for kernel_fn in (nt.batch(NETWORK.kernel_fn, tile), nt.batch(NETWORK.kernel_fn, batch_size=tile, device_count=0)):
        found = kernel_fn(x, X2)
        assert np.array_equal(found.ntk, expected.ntk) and np.array_equal(found.cov1, expected.cov1)
    assert np.array_equal(NETWORK.kernel_fn(x, X2, "ntk", tile_size=tile, threads=1), expected.ntk)

    def of_ones_own(x1, x2=None, get=None):
        return NETWORK.kernel_fn(x1, x2, get)

    np.testing.assert_allclose(nt.batch(of_ones_own, tile)(x, X2, ("nngp", "ntk")).ntk, expected.ntk)
    with pytest.raises(ValueError, match="batch_size"):
        nt.batch(NETWORK.kernel_fn, -1)


@pytest.mark.parametrize(
    "x1, x2, message",
    [
        (np.zeros((0, 3)), None, "x1: expected at least one input, position and channel"),
        (np.zeros((3, 0)), None, "at least one"),
        (np.zeros(3), None, "axis"),
        (np.full((2, 3), np.nan), None, r"x1: expected finite numbers, found NaN or infinity at \[0, 0\]"),
        (np.zeros((2, 3)), np.zeros((2, 4)), r"x2: expected the shape \[2, 3\] of x1 but for the number of inputs"),
        (np.zeros((2, 3)), np.full((2, 3), np.inf), "x2: expected finite numbers"),
    ],
)
def test_bad_inputs(x1, x2, message):
    with pytest.raises(nt.NetworkError, match=message):
        NETWORK.kernel_fn(x1, x2)


def test_bad_arguments():
    for arguments, error in (
        (dict(threads=0), ValueError),
        (dict(tile_size=-1), ValueError),
        (dict(precision="int32"), ValueError),
        (dict(executor="fast"), ValueError),
        (dict(unknown=1), TypeError),
    ):
        with pytest.raises(error):
            NETWORK.kernel_fn(X1, **arguments)
    for x in ("text", [["a"]], [object()], np.zeros((2, 3), complex)):
        with pytest.raises((TypeError, ValueError)):
            NETWORK.kernel_fn(x)
    with pytest.raises(nt.NetworkError, match="Gaussian inputs"):
        stax.serial(stax.Relu()).kernel_fn(X1)
    with pytest.raises(MemoryError, match="GB"):
        stax.serial(stax.Conv(1, (3, 3), padding="SAME"), stax.Relu()).kernel_fn(np.zeros((64, 200, 200, 1), np.float32))


def test_progress(capsys):
    NETWORK.kernel_fn(sine([300, 3]), progress=True, tile_size=64)
    assert "100" in capsys.readouterr().err
