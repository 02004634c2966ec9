"""Every layer, argument and helper of `stax`, and the node of a network file that it makes."""

import enum

import numpy as np
import pytest
from conftest import cosine, sine

import swift_neural_tangents as nt
from swift_neural_tangents import stax

CASES = [
    (stax.Dense(3), {"dense": {"width": 3}}),
    (
        stax.Dense(3, 1.5, 0.1, 1, 0, "standard", (1, 2)),
        {
            "dense": {
                "width": 3,
                "weightStd": 1.5,
                "biasStd": 0.1,
                "parameterization": "standard",
                "widthScales": [1, 2],
                "batchAxis": 1,
                "channelAxis": 0,
            }
        },
    ),
    (stax.Dense(np.int64(3), W_std=np.float32(1.5), parameterization="NTK"), {"dense": {"width": 3, "weightStd": 1.5}}),
    (stax.Dense(3, b_std=0.0), {"dense": {"width": 3, "biasStd": 0.0}}),
    (stax.Conv(4, (3, 2)), {"conv": {"channels": 4, "window": [3, 2]}}),
    (
        stax.Conv(4, (3, 2), (1, 2), "SAME", 1.4, 0.1, ("NCHW", "OIHW", "NCHW"), "standard", (1, 2)),
        {
            "conv": {
                "channels": 4,
                "window": [3, 2],
                "strides": [1, 2],
                "padding": "same",
                "weightStd": 1.4,
                "biasStd": 0.1,
                "dimensionNumbers": ["NCHW", "OIHW", "NCHW"],
                "parameterization": "standard",
                "widthScales": [1, 2],
            }
        },
    ),
    (stax.Conv(4, (3,), padding=stax.Padding.CIRCULAR), {"conv": {"channels": 4, "window": [3], "padding": "circular"}}),
    (stax.ConvTranspose(4, (2,), (2,)), {"convTranspose": {"channels": 4, "window": [2], "strides": [2]}}),
    (stax.ConvLocal(4, (2,), padding="SAME"), {"convLocal": {"channels": 4, "window": [2], "padding": "same"}}),
    (stax.AvgPool((2, 2)), {"averagePool": {"window": [2, 2]}}),
    (
        stax.AvgPool([2, 2], (2, 1), "SAME", True, 1, 0),
        {
            "averagePool": {
                "window": [2, 2],
                "strides": [2, 1],
                "padding": "same",
                "normalizeEdges": True,
                "batchAxis": 1,
                "channelAxis": 0,
            }
        },
    ),
    (stax.SumPool((2,), (2,)), {"sumPool": {"window": [2], "strides": [2]}}),
    (stax.GlobalAvgPool(), {"globalAveragePool": {}}),
    (stax.GlobalAvgPool(1, 2), {"globalAveragePool": {"batchAxis": 1, "channelAxis": 2}}),
    (stax.GlobalSumPool(), {"globalSumPool": {}}),
    (stax.Flatten(), {"flatten": {}}),
    (stax.Flatten(1, -1), {"flatten": {"batchAxis": 1, "batchAxisOut": 1}}),
    (stax.Identity(), {"identity": {}}),
    (stax.FanOut(3), {"fanOut": {"count": 3}}),
    (stax.FanInSum(), {"fanInSum": {}}),
    (stax.FanInProd(), {"fanInProduct": {}}),
    (stax.FanInConcat(), {"fanInConcat": {}}),
    (stax.FanInConcat(1), {"fanInConcat": {"axis": 1}}),
    (stax.LayerNorm(), {"layerNorm": {}}),
    (stax.LayerNorm((1, -1), 1e-6), {"layerNorm": {"axes": [1, -1], "epsilon": 1e-6}}),
    (stax.Dropout(0.9), {"dropout": {"keepRate": 0.9}}),
    (stax.Dropout(0.9, "test"), {"dropout": {"keepRate": 0.9, "mode": "test"}}),
    (
        stax.ImageResize((-1, 2, 7, -1), "linear", False),
        {"imageResize": {"shape": [-1, 2, 7, -1], "method": "linear", "antialias": False}},
    ),
    (stax.Index(stax.Slice[:, 1:, ::-2]), {"index": {"ranges": [":", "1:", "::-2"]}}),
    (stax.Index(stax.Slice[..., 0, :]), {"index": {"ranges": ["...", 0, ":"]}}),
    (stax.DotGeneral(rhs=2.0), {"dotGeneral": {"rhs": 2.0}}),
    (
        stax.DotGeneral(lhs=np.eye(2), dimension_numbers=(((1,), (1,)), ((), ()))),
        {"dotGeneral": {"lhs": [[1.0, 0.0], [0.0, 1.0]], "contracting": [[1], [1]]}},
    ),
    (stax.DotGeneral(), {"identity": {}}),
    (stax.Aggregate(), {"aggregate": {}}),
    (stax.Aggregate(1, implementation="SPARSE"), {"aggregate": {"axes": [1], "implementation": "sparse"}}),
    (stax.Aggregate((1, 2), to_dense=lambda p: p), {"aggregate": {"axes": [1, 2]}}),
    (
        stax.GlobalSelfAttention(
            3, 4, 2, 5, False, 1.1, 0.9, 0.8, 1.2, 0.3, "IDENTITY", "CONCAT", 1, lambda d: 1 / (1 + d), 2, 0.7, True
        ),
        {
            "globalSelfAttention": {
                "outputChannels": 3,
                "keyChannels": 4,
                "valueChannels": 2,
                "heads": 5,
                "linearScaling": False,
                "weightKeyStd": 1.1,
                "weightValueStd": 0.9,
                "weightQueryStd": 0.8,
                "weightOutStd": 1.2,
                "biasStd": 0.3,
                "attentionMechanism": "identity",
                "positionalEmbedding": "concat",
                "positionalNorm": 1,
                "positionalDecay": "linear",
                "positionalChannels": 2,
                "weightPositionalStd": 0.7,
                "valuePositionalEmbedding": True,
            }
        },
    ),
    (
        stax.GlobalSelfAttention(3, 4, 2, 5, attention_mechanism=stax.AttentionMechanism.RELU),
        {
            "globalSelfAttention": {
                "outputChannels": 3,
                "keyChannels": 4,
                "valueChannels": 2,
                "heads": 5,
                "attentionMechanism": "relu",
            }
        },
    ),
    (stax.Relu(), {"relu": {}}),
    (stax.Relu(do_stabilize=True), {"relu": {"stabilize": True}}),
    (stax.Abs(), {"abs": {}}),
    (stax.LeakyRelu(0.1), {"leakyRelu": {"alpha": 0.1}}),
    (stax.ABRelu(-0.3, 0.8, True), {"abRelu": {"a": -0.3, "b": 0.8, "stabilize": True}}),
    (stax.Erf(), {"erf": {}}),
    (stax.Erf(0.7, 1.3, 0.2), {"erf": {"a": 0.7, "b": 1.3, "c": 0.2}}),
    (stax.Sigmoid_like(), {"sigmoidLike": {}}),
    (stax.Gelu(approximate=True), {"gelu": {"approximate": True}}),
    (stax.Sin(0.7, 1.3, 0.3), {"sin": {"a": 0.7, "b": 1.3, "c": 0.3}}),
    (stax.Cos(2.0), {"cos": {"a": 2.0}}),
    (stax.Rbf(0.4), {"rbf": {"gamma": 0.4}}),
    (stax.Gaussian(0.7, -0.6), {"gaussian": {"a": 0.7, "b": -0.6}}),
    (stax.Exp(0.7, 0.5), {"exp": {"a": 0.7, "b": 0.5}}),
    (stax.ExpNormalized(2.0, -0.5, True), {"expNormalized": {"gamma": 2.0, "shift": -0.5, "clip": True}}),
    (stax.Gabor(), {"gabor": {}}),
    (stax.Sign(), {"sign": {}}),
    (stax.Hermite(3), {"hermite": {"degree": 3}}),
    (stax.Monomial(5), {"monomial": {"degree": 5}}),
    (stax.RectifiedMonomial(0), {"rectifiedMonomial": {"degree": 0}}),
    (stax.Polynomial([1.3, 0, -1.2]), {"polynomial": {"coefficients": [1.3, 0, -1.2]}}),
    (stax.ElementwiseNumerical(np.tanh, 25), {"numerical": {"function": "tanh", "degree": 25}}),
    (stax.ElementwiseNumerical("sigmoid", 10), {"numerical": {"function": "sigmoid", "degree": 10}}),
    (stax.repeat(stax.Relu(), 3), {"repeat": {"layer": {"relu": {}}, "count": 3}}),
    (stax.serial(stax.Dense(1), stax.Relu()), {"serial": [{"dense": {"width": 1}}, {"relu": {}}]}),
    (stax.parallel(stax.Relu(), stax.Identity()), {"parallel": [{"relu": {}}, {"identity": {}}]}),
]


@pytest.mark.parametrize("layer, node", CASES, ids=[f"{i} {next(iter(node))}" for i, (_, node) in enumerate(CASES)])
def test_nodes(layer, node):
    assert layer.kernel_fn.node == layer[0].node == layer[1].node == node


def test_every_name_of_neural_tangents_is_there():
    names = """serial parallel repeat FanOut FanInSum FanInProd FanInConcat Dense Conv ConvTranspose ConvLocal DotGeneral Aggregate
    AvgPool SumPool GlobalAvgPool GlobalSumPool Flatten Identity LayerNorm Dropout ImageResize Index Slice GlobalSelfAttention Relu
    Abs LeakyRelu ABRelu Erf Sigmoid_like Gelu Sin Cos Rbf Gaussian Exp ExpNormalized Gabor Sign Hermite Monomial RectifiedMonomial
    Polynomial Elementwise ElementwiseNumerical Padding AttentionMechanism PositionalEmbedding AggregateImplementation layer
    requires supports_masking unmask_fn Bool Diagonal MaskedArray""".split()
    assert len(names) == 57
    for name in names:
        assert hasattr(stax, name), name
        assert name in stax.__all__, name
    for name in stax.__all__:
        assert getattr(stax, name).__doc__ or name == "Slice", name


def test_layers_unpack_nest_and_compare():
    init_fn, apply_fn, kernel_fn = stax.Relu()
    assert init_fn.__name__ == apply_fn.__name__ == kernel_fn.__name__ == "ABRelu"
    network = stax.serial(stax.Dense(2), (init_fn, apply_fn, kernel_fn), stax.serial(stax.Dense(1)))
    assert network.kernel_fn.node["serial"][1] == {"relu": {}}
    assert stax.serial(stax.Dense(2)).kernel_fn == stax.serial(stax.Dense(2)).kernel_fn
    assert len({stax.Dense(2).kernel_fn, stax.Dense(2).kernel_fn, stax.Dense(3).kernel_fn}) == 2


def test_mistakes_say_where():
    with pytest.raises(nt.NetworkError, match="dense.width: expected an integer of at least 1, found 0"):
        stax.Dense(0)
    with pytest.raises(ValueError, match='dense.width: expected an integer of at least 1, found "many"'):
        stax.Dense("many")
    with pytest.raises(ValueError, match="padding: expected one of CIRCULAR, SAME, VALID"):
        stax.Conv(3, (3, 3), padding="smae")
    with pytest.raises(ValueError, match=r"serial\[0\]|dense.parameterization"):
        stax.Dense(1, parameterization="other")
    with pytest.raises(ValueError, match="at least one layer"):
        stax.serial()
    with pytest.raises(TypeError, match="expected a layer"):
        stax.serial(stax.Dense(1), np.tanh)
    with pytest.raises(NotImplementedError, match="pos_emb_decay_fn"):
        stax.GlobalSelfAttention(1, 1, 1, 1, pos_emb_decay_fn=lambda d: 1 / (2 + d))
    with pytest.raises(NotImplementedError, match="to_dense"):
        stax.Aggregate(to_dense=lambda p: 2 * p)
    for name in ("layer", "requires", "supports_masking"):
        with pytest.raises(NotImplementedError, match="Elementwise"):
            getattr(stax, name)(lambda: None)
    with pytest.raises(ValueError, match="keepRate"):
        stax.Dropout(0.0)
    with pytest.raises(ValueError, match="at most one constant"):
        stax.DotGeneral(lhs=1.0, rhs=2.0)


def test_resize_methods_by_enumeration():
    class ResizeMethod(enum.Enum):
        LINEAR = 1

    layer = stax.ImageResize((-1, 3, -1), ResizeMethod.LINEAR)
    assert layer.kernel_fn.node["imageResize"]["method"] == "linear"


def test_diagonal_composes_as_documented():
    yes, maybe, no = stax.Bool.YES, stax.Bool.MAYBE, stax.Bool.NO
    every = [stax.Diagonal(i, o) for i in (no, maybe, yes) for o in (no, maybe, yes)]
    for a in every:
        for b in every:
            assert (a >> b) == (b << a)
            for c in every:
                assert ((a >> b) >> c) == (a >> (b >> c))
    conv, flatten = stax.Diagonal(yes, no), stax.Diagonal(yes, yes)
    assert bool(conv >> conv >> flatten) and not bool(conv >> conv)


def test_elementwise_of_ones_own():
    dual = stax.Elementwise(
        fn=lambda x: x**3,
        nngp_fn=lambda q12, q11, q22: 6 * q12**3 + 9 * q12 * q11 * q22,
        d_nngp_fn=lambda q12, q11, q22: 18 * q12**2 + 9 * q11 * q22,
    )
    x1, x2 = sine([3, 4]), cosine([2, 4])
    ours = stax.serial(stax.Dense(1, 1.2), dual, stax.Dense(1, 0.7))
    theirs = stax.serial(stax.Dense(1, 1.2), stax.Monomial(3), stax.Dense(1, 0.7))
    for get in ("nngp", "ntk"):
        np.testing.assert_allclose(ours[2](x1, x2, get), theirs[2](x1, x2, get), rtol=1e-12)
        np.testing.assert_allclose(ours[2](x1.astype("float32"), None, get), theirs[2](x1, None, get), rtol=1e-5)
    _, params = ours[0](0, x1.shape, "float64")
    np.testing.assert_allclose(ours[1](params, x1), theirs[1](params, x1), rtol=1e-12)
    with pytest.raises(nt.NetworkError, match="fn: expected a function"):
        stax.serial(stax.Dense(1, 1.2), stax.Elementwise(nngp_fn=lambda a, b, c: a))[1](params[:1] + [()], x1)


def test_functions_may_fail():
    def fail(*args):
        raise ZeroDivisionError("no")

    network = stax.serial(stax.Dense(1), stax.Elementwise(nngp_fn=fail, d_nngp_fn=fail))
    with pytest.raises(ZeroDivisionError, match="no"):
        network[2](sine([2, 3]))
    # And the next call is not told of it.
    assert stax.serial(stax.Dense(1))[2](sine([2, 3]), None, "nngp").shape == (2, 2)


def test_numerical_activations_of_ones_own():
    layer = stax.ElementwiseNumerical(lambda x: np.sin(x) + 0.0, 25, df=np.cos)
    assert "externalActivation" in layer.kernel_fn.node
    x1, x2 = sine([3, 4]), cosine([2, 4])
    ours = stax.serial(stax.Dense(1), layer, stax.Dense(1))[2]
    theirs = stax.serial(stax.Dense(1), stax.Sin(), stax.Dense(1))[2]
    for get in ("nngp", "ntk"):
        np.testing.assert_allclose(ours(x1, x2, get), theirs(x1, x2, get), rtol=1e-9)


def test_files(tmp_path):
    network = stax.serial(stax.Dense(8, 1.5), stax.Erf(), stax.Dense(1))
    path = tmp_path / "network.json"
    path.write_text(network.kernel_fn.network.json())
    x = sine([3, 4])
    for source in (path, str(path), path.read_text(), network.kernel_fn.node, network):
        again = stax.layer_from(source)
        assert np.array_equal(again.kernel_fn(x).ntk, network.kernel_fn(x).ntk)
    with pytest.raises(nt.NetworkError, match="expected JSON"):
        stax.layer_from("{")
