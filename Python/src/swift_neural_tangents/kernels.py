"""Kernels of infinitely wide networks: `Kernel`, and the functions that compute it."""

from __future__ import annotations

import collections
import ctypes
import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import _arrays
from . import _library as lib
from ._arrays import ArrayTree, Converter
from ._jobs import Job
from ._network import Network, options, pattern_array

__all__ = ["Kernel", "KernelFn"]

Get = None | str | Sequence[str]


@dataclasses.dataclass(frozen=True)
class Kernel:
    """Covariances of an infinitely wide network's outputs over one or two data sets.

    Names and layouts are those of neural-tangents. With positions of sizes H, W, … `nngp` and `ntk` have shape
    `(N1, N2, H, H, W, W, …)`, or `(N1, N2, H, W, …)` with `diagonal_spatial`; the first axis of a pair belongs to the first input.

    Attributes
    ----------
    nngp : array
        The covariance of the outputs at initialisation, per channel.
    ntk : array or None
        The neural tangent kernel, of the shape of `nngp`; None where it was not asked for.
    cov1, cov2 : array, array or None
        Each data set with itself: shape `(N, H, H, …)`, or `(N, N, H, H, …)` without `diagonal_batch`. `cov2` is None when there is
        one data set only.
    x1_is_x2 : bool
        Whether both data sets are the same.
    is_gaussian : bool
        Whether channels are independent zero-mean Gaussians given the inputs, which an activation needs next.
    is_reversed, is_input : bool
        Always False: positions keep their order.
    diagonal_batch, diagonal_spatial : bool
        Which covariances are left out.
    shape1, shape2 : tuple of int
        Shapes of the activations of both data sets, with the channels of the finite network.
    batch_axis, channel_axis : int
        Where activations have the batch and the channels.
    mask1, mask2 : array of bool or None
        True where a position is masked; of the rank of the activations, 1 along the channels.
    """

    nngp: Any
    ntk: Any
    cov1: Any
    cov2: Any
    x1_is_x2: Any
    is_gaussian: bool
    is_reversed: bool
    is_input: bool
    diagonal_batch: bool
    diagonal_spatial: bool
    shape1: tuple[int, ...]
    shape2: tuple[int, ...]
    batch_axis: int
    channel_axis: int
    mask1: Any = None
    mask2: Any = None

    def replace(self, **changes: Any) -> "Kernel":
        """The same kernel with other fields."""
        return dataclasses.replace(self, **changes)

    def asdict(self) -> dict[str, Any]:
        """All fields by name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def astuple(self) -> tuple:
        """All fields in order."""
        return tuple(self.asdict().values())

    # ------------------------------------------------------------------------------------------------------ parts of it

    @property
    def _position_axes(self) -> list[int]:
        return [axis for axis in range(len(self.shape1)) if axis not in (self.batch_axis, self.channel_axis)]

    def _map(self, function) -> "Kernel":
        """`function` of every matrix and the number of its batch axes; an NTK that is a zero scalar stays one."""
        batch = 1 if self.diagonal_batch else 2
        ntk = self.ntk if self.ntk is None or np.ndim(self.ntk) == 0 else function(self.ntk, 2)
        return self.replace(
            nngp=function(self.nngp, 2),
            ntk=ntk,
            cov1=function(self.cov1, batch),
            cov2=None if self.cov2 is None else function(self.cov2, batch),
        )

    def slice(self, n1_slice: slice, n2_slice: slice) -> "Kernel":
        """The kernel between some inputs of the first and some of the second data set."""
        other = self.cov1 if self.cov2 is None else self.cov2
        mask2 = self.mask1 if self.mask2 is None and self.cov2 is None else self.mask2

        def cov(matrix, part):
            return matrix[part] if self.diagonal_batch else matrix[part, part]

        def mask(array, part):
            if array is None:
                return None
            return array[(slice(None),) * self.batch_axis + (part,)]

        def shape(sizes, part):
            count = len(range(*part.indices(sizes[self.batch_axis])))
            return tuple(count if axis == self.batch_axis else size for axis, size in enumerate(sizes))

        ntk = self.ntk
        return self.replace(
            nngp=self.nngp[n1_slice, n2_slice],
            ntk=ntk if ntk is None or np.ndim(ntk) == 0 else ntk[n1_slice, n2_slice],
            cov1=cov(self.cov1, n1_slice),
            cov2=cov(other, n2_slice),
            x1_is_x2=False,
            mask1=mask(self.mask1, n1_slice),
            mask2=mask(mask2, n2_slice),
            shape1=shape(self.shape1, n1_slice),
            shape2=shape(self.shape2, n2_slice),
        )

    def reverse(self) -> "Kernel":
        """The same with the axes of positions in the other order."""

        def reverse(matrix, batch):
            if self.diagonal_spatial:
                return matrix
            pairs = (matrix.ndim - batch) // 2
            order = [axis for pair in reversed(range(pairs)) for axis in (batch + 2 * pair, batch + 2 * pair + 1)]
            return matrix.transpose([*range(batch), *order])

        return self._map(reverse).replace(is_reversed=not self.is_reversed)

    def transpose(self, axes: Sequence[int] | None = None) -> "Kernel":
        """The same with the axes of positions permuted as `numpy.transpose` permutes them."""
        count = len(self._position_axes)
        axes = list(reversed(range(count))) if axes is None else [int(axis) % count for axis in axes]
        if sorted(axes) != list(range(count)):
            raise ValueError(f"axes: expected a permutation of {count} axes of positions, found {axes}")
        width = 1 if self.diagonal_spatial else 2

        def transpose(matrix, batch):
            order = [batch + width * axis + part for axis in axes for part in range(width)]
            return matrix.transpose([*range(batch), *order])

        places = self._position_axes
        order = list(range(len(self.shape1)))
        for place, axis in zip(places, axes):
            order[place] = places[axis]
        return self._map(transpose).replace(
            shape1=tuple(self.shape1[axis] for axis in order),
            shape2=tuple(self.shape2[axis] for axis in order),
            mask1=None if self.mask1 is None else self.mask1.transpose(order),
            mask2=None if self.mask2 is None else self.mask2.transpose(order),
        )

    def mask(self, mask1: Any, mask2: Any) -> "Kernel":
        """The same with zeros where either position is masked; masks have the rank of the activations and one channel."""
        for name, mask in (("mask1", mask1), ("mask2", mask2)):
            if mask is not None and np.shape(mask)[self.channel_axis] != 1:
                raise NotImplementedError(f"{name}: expected one mask for all channels, found shape {np.shape(mask)}")
        xp = _arrays.namespace(self.nngp, mask1, mask2)
        second = mask1 if mask2 is None and self.cov2 is None else mask2
        rows = _position_mask(mask1, self, self.shape1)
        columns = _position_mask(second, self, self.shape2)

        def masked(matrix, first, other, batch):
            return xp.where(_pair_mask(first, other, batch, self.diagonal_spatial), 0, matrix)

        batch = 1 if self.diagonal_batch else 2
        ntk = self.ntk
        if ntk is not None:
            ntk = masked(xp.broadcast_to(ntk, self.nngp.shape), rows, columns, 2)
        return self.replace(
            nngp=masked(self.nngp, rows, columns, 2),
            ntk=ntk,
            cov1=masked(self.cov1, rows, rows, batch),
            cov2=None if self.cov2 is None else masked(self.cov2, columns, columns, batch),
            mask1=mask1,
            mask2=mask2,
        )

    def dot_general(self, other1: Any, other2: Any, is_lhs: bool, dimension_numbers) -> "Kernel":
        """The kernel of activations after a product with a constant; `other1` and `other2` have to be the same."""
        from . import stax

        if other1 is None and other2 is None:
            return self
        if other1 is None or np.shape(other1) != np.shape(other2) or not np.array_equal(other1, other2):
            raise NotImplementedError("other1, other2: expected one constant for both data sets, found two")
        factor = {"lhs": other1} if is_lhs else {"rhs": other1}
        layer = stax.DotGeneral(
            **factor, dimension_numbers=dimension_numbers, batch_axis=self.batch_axis, channel_axis=self.channel_axis
        )
        return layer[2](self)

    def __getitem__(self, index) -> "Kernel":
        """The kernel of activations that are indexed so."""
        from . import stax

        return stax.Index(index, batch_axis=self.batch_axis, channel_axis=self.channel_axis)[2](self)

    # ----------------------------------------------------------------------------------------------------- arithmetic

    def __mul__(self, factor: float) -> "Kernel":
        """The kernel of activations times `factor`."""
        return self._map(lambda matrix, _: matrix * factor**2)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> "Kernel":
        return self * (1.0 / divisor)

    def __add__(self, constant: float) -> "Kernel":
        """The kernel of zero-mean activations plus `constant`."""
        changed = self._map(lambda matrix, _: matrix + constant**2)
        return changed.replace(ntk=self.ntk)

    __radd__ = __add__
    __sub__ = __add__

    def __neg__(self) -> "Kernel":
        return self

    def __pos__(self) -> "Kernel":
        return self


FIELDS = tuple(field.name for field in dataclasses.fields(Kernel))
_ARRAYS = ("nngp", "ntk", "cov1", "cov2", "x1_is_x2", "mask1", "mask2")


def register_pytree(jax) -> None:
    """Makes `Kernel` a pytree of JAX; once."""
    if getattr(register_pytree, "done", False):
        return
    static = [name for name in FIELDS if name not in _ARRAYS]

    def flatten(kernel):
        return [getattr(kernel, name) for name in _ARRAYS], tuple(getattr(kernel, name) for name in static)

    def unflatten(data, children):
        return Kernel(**dict(zip(_ARRAYS, children)), **dict(zip(static, data)))

    jax.tree_util.register_pytree_node(Kernel, flatten, unflatten)
    register_pytree.done = True


# ------------------------------------------------------------------------------------------------------ layouts of axes


def interleaved(matrix: Any, batch: int, is_diagonal: bool) -> Any:
    """From axes (…, H, W, H', W') to (…, H, H', W, W')."""
    if is_diagonal:
        return matrix
    count = (matrix.ndim - batch) // 2
    if count < 2:
        return matrix
    order = [axis for i in range(count) for axis in (batch + i, batch + count + i)]
    return matrix.transpose([*range(batch), *order])


def apart(matrix: Any, batch: int, is_diagonal: bool) -> Any:
    """From axes (…, H, H', W, W') to (…, H, W, H', W')."""
    if is_diagonal:
        return matrix
    count = (matrix.ndim - batch) // 2
    if count < 2:
        return matrix
    order = [batch + 2 * i for i in range(count)] + [batch + 2 * i + 1 for i in range(count)]
    return matrix.transpose([*range(batch), *order])


def activation_mask(mask: Any, batch_axis: int, channel_axis: int) -> Any:
    """From a mask of shape (N, H, W, …) to one of the rank of the activations with one channel."""
    if mask is None:
        return None
    order, position = [], 1
    for axis in range(mask.ndim + 1):
        if axis == batch_axis:
            order.append(0)
        elif axis == channel_axis:
            order.append(mask.ndim)
        else:
            order.append(position)
            position += 1
    return mask[..., None].transpose(order)


def _position_mask(mask: Any, kernel: Kernel, shape: Sequence[int]) -> Any:
    """The other way, broadcast to all inputs and positions; False where there is no mask."""
    sizes = [shape[kernel.batch_axis]] + [shape[axis] for axis in kernel._position_axes]
    if mask is None:
        return np.zeros(sizes, dtype=bool)
    mask = mask.transpose([kernel.batch_axis, *kernel._position_axes, kernel.channel_axis])
    xp = _arrays.namespace(mask)
    return xp.broadcast_to(xp.all(mask, axis=-1), sizes)


def _pair_mask(rows: Any, columns: Any, batch: int, is_diagonal: bool) -> Any:
    """Whether either of two positions is masked, of the layout of a matrix."""
    positions = rows.ndim - 1
    width = 1 if is_diagonal else 2
    row, column = [slice(None)], [slice(None)]
    if batch == 2:
        row, column = [slice(None), None], [None, slice(None)]
    for _ in range(positions):
        row += [slice(None)] + [None] * (width - 1)
        column += [None] * (width - 1) + [slice(None)]
    return rows[tuple(row)] | columns[tuple(column)]


# ------------------------------------------------------------------------------------------------------------ what to get


def canonicalize_get(get: Get) -> tuple[bool, tuple[str, ...] | None]:
    """Whether `get` is a single name, and the names in lower case; None for a whole `Kernel`."""
    if get is None:
        return True, None
    is_single = isinstance(get, str)
    names = (get,) if is_single else tuple(get)
    if not names:
        raise ValueError("get: expected at least one name, found none")
    names = tuple(name.lower() for name in names)
    if len(set(names)) < len(names):
        raise ValueError(f"get: expected different names, found {get!r}")
    return is_single, names


@functools.cache
def named_tuple(name: str, fields: tuple[str, ...]):
    return collections.namedtuple(name, fields)


def select(kernel: Kernel, get: Get, name: str = "AnalyticKernel"):
    """What `get` asks for of a kernel."""
    is_single, names = canonicalize_get(get)
    if names is None:
        return kernel
    for field in names:
        if field not in FIELDS:
            raise KeyError(f"get: expected names among {', '.join(FIELDS)}, found {field!r}")
    values = [getattr(kernel, field) for field in names]
    return values[0] if is_single else named_tuple(name, names)(*values)


# ---------------------------------------------------------------------------------------------------------- kernel_fn


def pair_of_patterns(pattern: Any) -> tuple:
    """The graphs of both data sets; the second is None where it is the first."""
    if pattern is None:
        return None, None
    if isinstance(pattern, (tuple, list)) and len(pattern) == 2:
        return tuple(pattern)
    return pattern, None


class KernelFn:
    """The third of a layer's functions: kernels of the infinitely wide network.

    Called with inputs it computes their kernels, and with a `Kernel` (or a tree of them) it carries that through the layer.
    """

    def __init__(self, network: Network, name: str, tile_size: int | None = None):
        self.network, self.tile_size = network, tile_size
        self.__name__ = self.__qualname__ = name

    @property
    def node(self) -> dict:
        """The node of a network file that describes the network."""
        return self.network.node

    def with_tile_size(self, tile_size: int | None) -> "KernelFn":
        return KernelFn(self.network, self.__name__, tile_size)

    def __eq__(self, other):
        return isinstance(other, KernelFn) and (self.network, self.tile_size) == (other.network, other.tile_size)

    def __hash__(self):
        return hash((self.network, self.tile_size))

    def __repr__(self):
        return f"<kernel_fn of {self.network!r}>"

    def __call__(
        self,
        x1: ArrayTree,
        x2: ArrayTree | None = None,
        get: Get = None,
        *,
        pattern: Any = None,
        mask_constant: float | None = None,
        diagonal_batch: bool | None = None,
        diagonal_spatial: bool | None = None,
        progress: bool = False,
        precision: Any = None,
        threads: int | None = None,
        tile_size: int | None = None,
        executor: str = "automatic",
        rng: Any = None,
    ):
        """Kernels between two data sets, or of one with itself.

        Parameters
        ----------
        x1 : array, or tree of lists and tuples of arrays, or Kernel, or tree of Kernels
            Inputs of shape (N1, positions…, channels) unless the layers say otherwise; or the kernel after earlier layers.
        x2 : array or tree, optional
            Inputs of the same shape but for N2. Without them the kernels of `x1` with itself, for half the price.
        get : str or sequence of str, optional
            "nngp", "ntk", or other fields of `Kernel`: one array for a name, a named tuple for several. By default the `Kernel`.
        pattern : array or pair of arrays, optional
            The graphs of both data sets, for `Aggregate`.
        mask_constant : float, optional
            Inputs equal to it are missing; NaN for those that are NaN.
        diagonal_batch : bool, optional
            False for covariances between all inputs of a data set in `cov1` and `cov2`.
        diagonal_spatial : bool, optional
            True to leave out the covariances between different positions of the outputs.
        progress : bool
            Whether to show how far the computation has come.
        precision : dtype, optional
            float32 or float64 to compute in; by default that of the inputs.
        threads, tile_size : int, optional
            Threads at most, and rows and columns that are computed at a time.
        executor : {"automatic", "reference", "fused"}
            What computes; "automatic" is fastest.
        rng : ignored
            Infinite networks have no randomness; here because finite ones do.

        Returns
        -------
        array, named tuple, Kernel, or a list of them where the network has several outputs

        Raises
        ------
        NetworkError
            When network and inputs do not fit, or have no infinite limit. A ValueError.
        MemoryError
            When the kernel does not fit into memory.

        Examples
        --------
        >>> import numpy as np
        >>> from swift_neural_tangents import stax
        >>> _, _, kernel_fn = stax.serial(stax.Dense(1), stax.Relu(), stax.Dense(1))
        >>> kernel_fn(np.eye(2), get="ntk").round(3)
        array([[0.5 , 0.08],
               [0.08, 0.5 ]])
        """
        is_single, names = canonicalize_get(get)
        if names is not None:
            for name in names:
                if name not in FIELDS:
                    raise KeyError(f"get: expected names among {', '.join(FIELDS)}, found {name!r}")
        tile_size = self.tile_size if tile_size is None else tile_size
        kinds = [isinstance(leaf, Kernel) for leaf in _arrays.leaves(x1)]
        if kinds and all(kinds):
            if x2 is not None:
                raise TypeError("x2: expected None beside a Kernel, which has both data sets, found something")
            result = self._compose(x1, pattern, diagonal_batch, diagonal_spatial, precision, threads, tile_size, progress)
        elif any(kinds):
            raise TypeError("x1: expected arrays or Kernels, found both")
        else:
            settings = dict(
                mask_constant=mask_constant,
                diagonal_spatial=bool(diagonal_spatial),
                full_batch=diagonal_batch is False,
                precision=precision,
                threads=threads,
                tile_size=tile_size,
                executor=executor,
            )
            with_ntk = names is None or "ntk" in names
            given = _arrays.leaves(x1) + ([] if x2 is None else _arrays.leaves(x2))
            if any(_arrays.is_tracer(x) for x in given) or any(_arrays.is_tracer(p) for p in pair_of_patterns(pattern)):
                from ._jax import callbacks

                result = callbacks.kernels(self.network, x1, x2, with_ntk, pattern, settings)
            else:
                result = self._compute(x1, x2, with_ntk, pattern, settings, progress)
        return _arrays.tree_map(lambda kernel: select(kernel, get), result)

    def _compute(self, x1, x2, with_ntk, pattern, settings, progress):
        convert = Converter(x1, *([] if x2 is None else [x2]))
        pattern1, pattern2 = (pattern_array(p) for p in pair_of_patterns(pattern))
        kernels = lib.NNGP | (lib.NTK if with_ntk else 0)
        job = Job(
            lib.library.nt_kernel_job,
            self.network.handle,
            self.network.tree(x1, "x1"),
            self.network.tree(x2, "x2"),
            _arrays.reference(pattern1),
            _arrays.reference(pattern2),
            ctypes.byref(options(kernels, **settings)),
        )
        return _kernels_of(job.run(progress), with_ntk, convert, isinstance(x1, tuple))

    def _compose(self, kernels, pattern, diagonal_batch, diagonal_spatial, precision, threads, tile_size, progress):
        given = _arrays.leaves(kernels)
        convert = Converter([kernel.nngp for kernel in given])
        if any(_arrays.is_tracer(kernel.nngp) for kernel in given):
            raise TypeError(
                "x1: expected a Kernel of numbers, found one inside a function that JAX traces; "
                "compose the layers with serial instead"
            )
        parts = [_kernel_struct(kernel) for kernel in given]
        structs = (lib.KernelStruct * len(parts))(*[part[0] for part in parts])
        pattern1, pattern2 = (pattern_array(p) for p in pair_of_patterns(pattern))
        with_ntk = all(kernel.ntk is not None for kernel in given)
        full_batch = not given[0].diagonal_batch if diagonal_batch is None else not diagonal_batch
        diagonal = given[0].diagonal_spatial if diagonal_spatial is None else diagonal_spatial
        job = Job(
            lib.library.nt_composition_job,
            self.network.handle,
            _arrays.structure(kernels).encode(),
            structs,
            len(parts),
            _arrays.reference(pattern1),
            _arrays.reference(pattern2),
            ctypes.byref(
                options(
                    lib.NNGP | (lib.NTK if with_ntk else 0),
                    diagonal_spatial=diagonal,
                    full_batch=full_batch,
                    precision=precision,
                    threads=threads,
                    tile_size=tile_size,
                )
            ),
        )
        del structs
        return _kernels_of(job.run(progress), with_ntk, convert, isinstance(kernels, tuple))


def _kernel_struct(kernel: Kernel):
    """A kernel as the library reads it, and what has to live as long."""
    if kernel.is_reversed:
        kernel = kernel.reverse()
    batch = 1 if kernel.diagonal_batch else 2
    kept, result = [], lib.KernelStruct()

    def matrix(name, array, axes):
        if array is None:
            return
        array = _arrays.to_numpy(array, name)
        if name == "ntk" and array.ndim == 0:
            array = np.full(np.shape(kernel.nngp), array)
        array = np.ascontiguousarray(apart(array, axes, kernel.diagonal_spatial))
        struct = _arrays.struct(array)
        kept.append(struct)
        setattr(result, name, struct)

    matrix("nngp", kernel.nngp, 2)
    matrix("ntk", kernel.ntk, 2)
    matrix("cov1", kernel.cov1, batch)
    matrix("cov2", kernel.cov2, batch)
    for name, shape in (("mask1", kernel.shape1), ("mask2", kernel.shape2)):
        mask = getattr(kernel, name)
        if mask is not None:
            struct = _arrays.struct(_arrays.bools(_position_mask(np.asarray(mask), kernel, shape)))
            kept.append(struct)
            setattr(result, name, struct)
    for name in ("shape1", "shape2"):
        sizes = getattr(kernel, name)
        array = (ctypes.c_int64 * max(1, len(sizes)))(*sizes)
        kept.append(array)
        setattr(result, name, array)
    result.rank = len(kernel.shape1)
    result.batch_axis, result.channel_axis = kernel.batch_axis, kernel.channel_axis
    result.is_gaussian, result.is_symmetric = bool(kernel.is_gaussian), bool(kernel.x1_is_x2)
    result.diagonal_positions, result.full_batch = bool(kernel.diagonal_spatial), not kernel.diagonal_batch
    return result, kept


def _kernels_of(values, with_ntk: bool, convert: Converter, is_tuple: bool):
    """Kernels from the results of a job."""
    arrays, json = values.arrays(), values.json
    kernels = []
    for index, output in enumerate(json["outputs"]):
        kernels.append(kernel_of(arrays, f"{index}.", output, with_ntk, convert))
    tree = _arrays.from_structure(json["structure"], kernels)
    return tuple(tree) if is_tuple and isinstance(tree, list) else tree


def kernel_of(arrays: dict, prefix: str, output: dict, with_ntk: bool, convert) -> Kernel:
    """A kernel of named arrays and what is said of it."""
    # Without positions there is nothing that a diagonal would leave out.
    is_diagonal = output["diagonalPositions"] and len(output["shape1"]) > 2
    batch = 2 if output["fullBatch"] else 1

    def matrix(name, axes):
        array = arrays.get(prefix + name)
        return None if array is None else convert(np.ascontiguousarray(interleaved(array, axes, is_diagonal)))

    def mask(name):
        return convert(activation_mask(arrays.get(prefix + name), output["batchAxis"], output["channelAxis"]))

    ntk = matrix("ntk", 2)
    if ntk is None and with_ntk:
        # No layer so far has parameters.
        ntk = convert(np.zeros_like(arrays[prefix + "nngp"]))
    return Kernel(
        nngp=matrix("nngp", 2),
        ntk=ntk if with_ntk else None,
        cov1=matrix("cov1", batch),
        cov2=matrix("cov2", batch),
        x1_is_x2=output["isSymmetric"],
        is_gaussian=output["isGaussian"],
        is_reversed=False,
        is_input=False,
        diagonal_batch=not output["fullBatch"],
        diagonal_spatial=is_diagonal,
        shape1=tuple(output["shape1"]),
        shape2=tuple(output["shape2"]),
        batch_axis=output["batchAxis"],
        channel_axis=output["channelAxis"],
        mask1=mask("mask1"),
        mask2=mask("mask2"),
    )
