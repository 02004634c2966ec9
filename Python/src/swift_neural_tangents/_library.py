"""The shared library: its functions, its structures, and its errors as Python exceptions."""

from __future__ import annotations

import ctypes
import json
import os
import pathlib
from ctypes import POINTER, c_char_p, c_double, c_int32, c_int64, c_uint32, c_void_p

import numpy as np

ABI_VERSION = 1

FLOAT32, FLOAT64, INT32, BOOL = range(4)
DTYPES = {FLOAT32: np.float32, FLOAT64: np.float64, INT32: np.int32, BOOL: np.bool_}
CODES = {np.dtype(dtype): code for code, dtype in DTYPES.items()}

RUNNING, DONE, FAILED, STOPPED, NOT_STARTED = range(5)
NNGP, NTK = 1, 2

NO_ERROR, ARGUMENT, MISMATCH, MEMORY, NUMERICAL, CANCELLED = range(6)


class NetworkError(ValueError):
    """A network, or what it was given, has to change; the message says where, what was expected and what was found."""


class NumericalError(ArithmeticError):
    """Linear algebra fails for these numbers: a matrix is not positive definite, or not finite."""


class Error(ctypes.Structure):
    _fields_ = [("kind", c_int32), ("message", c_void_p)]


class Array(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("dtype", c_int32), ("rank", c_int32), ("shape", POINTER(c_int64))]


class Tree(ctypes.Structure):
    _fields_ = [("structure", c_char_p), ("leaves", POINTER(Array)), ("count", c_int64)]


class Options(ctypes.Structure):
    _fields_ = [
        ("kernels", c_int32),
        ("executor", c_int32),
        ("only_diagonal_positions", c_int32),
        ("full_batch", c_int32),
        ("precision", c_int32),
        ("has_mask_constant", c_int32),
        ("mask_constant", c_double),
        ("threads", c_int64),
        ("tile_size", c_int64),
        ("has_key", c_int32),
        ("key", c_uint32 * 2),
    ]


class KernelStruct(ctypes.Structure):
    _fields_ = [
        *[(name, Array) for name in ("nngp", "ntk", "cov1", "cov2", "mask1", "mask2")],
        ("shape1", POINTER(c_int64)),
        ("shape2", POINTER(c_int64)),
        ("rank", c_int32),
        ("batch_axis", c_int32),
        ("channel_axis", c_int32),
        ("is_gaussian", c_int32),
        ("is_symmetric", c_int32),
        ("diagonal_positions", c_int32),
        ("full_batch", c_int32),
    ]


class KernelArrays(ctypes.Structure):
    _fields_ = [(name, Array) for name in ("nngp", "ntk", "cov1", "cov2")]


class GradientHints(ctypes.Structure):
    _fields_ = [("products", Array), ("skips_x1", c_int32), ("skips_x2", c_int32)]


class AxesStruct(ctypes.Structure):
    _fields_ = [
        ("trace", POINTER(c_int64)),
        ("diagonal", POINTER(c_int64)),
        ("trace_count", c_int32),
        ("diagonal_count", c_int32),
        ("implementation", c_int32),
    ]


class Ensemble(ctypes.Structure):
    _fields_ = [
        ("kind", c_int32),
        ("covariance", c_int32),
        ("learning_rate", c_double),
        ("regularizer", c_double),
        ("is_absolute", c_int32),
        ("times", POINTER(c_double)),
        ("time_count", c_int64),
    ]


class PredictionKernels(ctypes.Structure):
    _fields_ = [(f"{pair}_{name}", Array) for pair in ("train_train", "test_train", "test_test") for name in ("nngp", "ntk")]


class Fit(ctypes.Structure):
    _fields_ = [
        ("uses_ntk", c_int32),
        ("is_tied", c_int32),
        ("iterations", c_int64),
        ("restarts", c_int64),
        ("noise", c_double),
        ("prior_width", c_double),
        ("key", c_uint32 * 2),
    ]


_E, _A, _T, _O = POINTER(Error), POINTER(Array), POINTER(Tree), POINTER(Options)
# Result and arguments of every function; all that return a pointer to text return one that has to be freed, but for
# nt_values_name and nt_values_json.
_SIGNATURES = {
    "nt_abi_version": (c_int32,),
    "nt_info": (c_void_p,),
    "nt_string_free": (None, c_void_p),
    "nt_set_threads": (None, c_int64),
    "nt_threads": (c_int64,),
    "nt_set_callback": (None, c_void_p),
    "nt_network_parse": (c_void_p, c_char_p, _E),
    "nt_network_free": (None, c_void_p),
    "nt_network_json": (c_void_p, c_void_p, _E),
    "nt_network_output_shape": (c_void_p, c_void_p, c_char_p, _E),
    "nt_job_start": (c_int32, c_void_p, _E),
    "nt_job_wait": (c_int32, c_void_p, c_int64, POINTER(c_int64), POINTER(c_int64)),
    "nt_job_cancel": (None, c_void_p),
    "nt_job_description": (c_void_p, c_void_p),
    "nt_job_values": (c_void_p, c_void_p, _E),
    "nt_job_free": (None, c_void_p),
    "nt_values_count": (c_int64, c_void_p),
    "nt_values_name": (c_char_p, c_void_p, c_int64),
    "nt_values_array": (c_int32, c_void_p, c_int64, _A),
    "nt_values_json": (c_char_p, c_void_p),
    "nt_values_free": (None, c_void_p),
    "nt_kernel_job": (c_void_p, c_void_p, _T, _T, _A, _A, _O, _E),
    "nt_composition_job": (c_void_p, c_void_p, c_char_p, POINTER(KernelStruct), c_int64, _A, _A, _O, _E),
    "nt_kernel_vjp_job": (c_void_p, c_void_p, _T, _T, _A, _A, POINTER(KernelArrays), POINTER(GradientHints), _O, _E),
    "nt_kernel_jvp_job": (c_void_p, c_void_p, _T, _T, _T, _T, _A, _A, _O, _E),
    "nt_initialize_job": (c_void_p, c_void_p, c_char_p, c_uint32, c_uint32, c_int32, _E),
    "nt_apply_job": (c_void_p, c_void_p, _T, _T, _A, _O, _E),
    "nt_apply_vjp_job": (c_void_p, c_void_p, _T, _T, _A, _T, _O, _E),
    "nt_taylor_job": (c_void_p, c_void_p, _T, _T, c_int64, _T, _A, _O, _E),
    "nt_empirical_job": (c_void_p, c_void_p, _T, _T, _T, _A, _A, POINTER(AxesStruct), _O, _E),
    "nt_tangent_product_job": (c_void_p, c_void_p, _T, _T, _T, _A, _A, _A, _O, _E),
    "nt_monte_carlo_job": (c_void_p, c_void_p, _T, _T, _A, _A, c_uint32, c_uint32, c_int64, _O, _E),
    "nt_prediction_job": (c_void_p, c_void_p, _A, _A, _A, POINTER(Ensemble), _O, _E),
    "nt_kernel_prediction_job": (c_void_p, POINTER(PredictionKernels), _A, POINTER(Ensemble), _O, _E),
    "nt_fit_job": (c_void_p, c_void_p, _A, _A, POINTER(Fit), _O, _E),
}


def _path() -> str:
    """Where the library is: beside this file, unless NEURAL_TANGENTS_LIBRARY says otherwise."""
    asked = os.environ.get("NEURAL_TANGENTS_LIBRARY")
    if asked:
        return asked
    folder = pathlib.Path(__file__).parent
    for name in ("libneuraltangents.so", "libneuraltangents.dylib"):
        if (folder / name).exists():
            return str(folder / name)
    raise ImportError(f"expected libneuraltangents.so in {folder}, found none; the wheel brings it, and `make wheel` builds it")


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(_path())
    for name, (result, *arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    found = library.nt_abi_version()
    if found != ABI_VERSION:
        raise ImportError(f"expected version {ABI_VERSION} of the library's interface, found {found}: {_path()}")
    return library


library = _load()


def take_text(pointer: int | None) -> str:
    """A string of the library's, which is freed."""
    if not pointer:
        return ""
    try:
        return ctypes.string_at(pointer).decode()
    finally:
        library.nt_string_free(pointer)


def exception(error: Error) -> Exception:
    """The Python exception for an error, whose message is freed."""
    message = take_text(error.message)
    kinds = {MEMORY: MemoryError, NUMERICAL: NumericalError, CANCELLED: KeyboardInterrupt}
    return kinds.get(error.kind, NetworkError)(message)


def checked(function, *arguments):
    """Calls a function whose last argument is an error."""
    error = Error()
    result = function(*arguments, ctypes.byref(error))
    if error.kind != NO_ERROR:
        raise exception(error)
    return result


def info() -> dict:
    """What the library is and runs on: version, instruction set, linear algebra, threads.

    >>> sorted(info())[:2]
    ['instruction_set', 'layers']
    """
    from . import __version__

    found = json.loads(take_text(library.nt_info()))
    return {
        "version": __version__,
        "library": _path(),
        "instruction_set": found["instructionSet"],
        "linear_algebra": found["linearAlgebra"],
        "processors": found["processors"],
        "threads": found["threads"],
        "layers": found["layers"],
    }


def set_num_threads(count: int) -> None:
    """Computes with so many threads from now on, at least 1.

    Without a call, NEURAL_TANGENTS_NUM_THREADS counts, then OMP_NUM_THREADS, then the processors of the machine.
    """
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1:
        raise ValueError(f"count: expected an integer of at least 1, found {count!r}")
    library.nt_set_threads(int(count))


def get_num_threads() -> int:
    """Threads that are computed with."""
    return library.nt_threads()


def _threads_of_environment() -> None:
    for name in ("NEURAL_TANGENTS_NUM_THREADS", "OMP_NUM_THREADS"):
        text = os.environ.get(name, "").split(",")[0].strip()
        if text.isdigit() and int(text) >= 1:
            library.nt_set_threads(int(text))
            return


_threads_of_environment()
