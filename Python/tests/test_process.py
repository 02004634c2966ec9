"""What a process may do to the library: interrupts, forks, threads, pickles, and no growth."""

import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from conftest import sine

import swift_neural_tangents as nt
from swift_neural_tangents import stax

NETWORK = stax.serial(stax.Dense(64, 1.5, 0.1), stax.Relu(), stax.Dense(1))
# Long enough that no machine is done before it is interrupted.
LONG = """
import numpy as np, swift_neural_tangents as nt
from swift_neural_tangents import stax
layers = []
for _ in range(30):
    layers += [stax.Conv(1, (3, 3), padding="SAME"), stax.Relu()]
kernel_fn = stax.serial(*layers, stax.GlobalAvgPool(), stax.Dense(1)).kernel_fn
x = np.random.default_rng(0).normal(size=(2000, 32, 32, 3)).astype("float32")
print("ready", flush=True)
kernel_fn(x)
"""


def test_an_interrupt_is_heard_within_two_seconds():
    process = subprocess.Popen([sys.executable, "-c", LONG], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline().strip() == "ready"
        time.sleep(1.5)
        assert process.poll() is None
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert "KeyboardInterrupt" in errors
        assert time.monotonic() - began < 2 * float(os.environ.get("TEST_SLOWNESS", 1))
    finally:
        process.kill()


# An alarm takes the place of Ctrl-C; then the processor time of a second is what still goes on.
INTERRUPTED = """
import signal, sys, time, numpy as np
from swift_neural_tangents import predict, stax
layers = []
for _ in range(12):
    layers += [stax.Conv(1, (3, 3), padding="SAME"), stax.Relu()]
kernel_fn = stax.serial(*layers, stax.GlobalAvgPool(), stax.Dense(1)).kernel_fn
x = np.random.default_rng(0).normal(size=(1500, 16, 16, 3))
y = x[:, :1, 0, 0]
def kernel():
    kernel_fn(x)
def ensemble():
    predict.gradient_descent_mse_ensemble(kernel_fn, x, y, diag_reg=1e-3)(x_test=x, get="ntk")
def interrupt(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 1)
try:
    {"kernel": kernel, "ensemble": ensemble}[sys.argv[1]]()
    print("not interrupted")
except KeyboardInterrupt:
    time.sleep(float(sys.argv[2]))
    began = time.process_time()
    time.sleep(1)
    print(time.process_time() - began)
"""


@pytest.mark.parametrize("what", ["kernel", "ensemble"])
def test_the_work_ends_with_an_interrupt(what):
    wait = 3 * float(os.environ.get("TEST_SLOWNESS", 1))
    found = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, what, str(wait)], capture_output=True, text=True, timeout=60 + wait
    )
    assert float(found.stdout) < 0.2, found.stderr


def _child(connection, x):
    connection.send(NETWORK.kernel_fn(x, get="ntk"))
    connection.close()


@pytest.mark.parametrize("is_used_before", [False, True])
def test_forked_processes_compute(is_used_before):
    code = f"""
import multiprocessing, numpy as np
from swift_neural_tangents import stax
network = stax.serial(stax.Dense(64, 1.5, 0.1), stax.Relu(), stax.Dense(1))
x = np.random.default_rng(0).normal(size=(600, 30))
if {is_used_before}:
    before = network.kernel_fn(x, get="ntk")
def child(i):
    return network.kernel_fn(x, get="ntk")
context = multiprocessing.get_context("fork")
with context.Pool(2) as pool:
    found = pool.map(child, range(4))
expected = network.kernel_fn(x, get="ntk")
assert all(np.array_equal(one, expected) for one in found)
print("fine")
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert found.stdout.strip() == "fine", found.stderr


def test_spawned_processes_get_pickles():
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    x = sine([5, 3])
    process = context.Process(target=_child, args=(theirs, x))
    process.start()
    assert mine.poll(60)
    assert np.array_equal(mine.recv(), NETWORK.kernel_fn(x, get="ntk"))
    process.join(30)
    assert process.exitcode == 0


def test_pickles_and_copies():
    import copy

    x = sine([5, 3])
    for again in (pickle.loads(pickle.dumps(NETWORK)), copy.deepcopy(NETWORK)):
        assert again.kernel_fn == NETWORK.kernel_fn
        assert np.array_equal(again.kernel_fn(x).ntk, NETWORK.kernel_fn(x).ntk)
    kernel = NETWORK.kernel_fn(x)
    assert np.array_equal(pickle.loads(pickle.dumps(kernel)).ntk, kernel.ntk)
    own = stax.serial(stax.Dense(1), stax.Elementwise(nngp_fn=_dual, d_nngp_fn=_slope))
    again = pickle.loads(pickle.dumps(own))
    assert np.array_equal(again.kernel_fn(x).ntk, own.kernel_fn(x).ntk)


def _dual(q12, q11, q22):
    return q12**2


def _slope(q12, q11, q22):
    return 2 * q12


def test_eight_threads_get_the_same_bits():
    x = sine([200, 20])
    expected = NETWORK.kernel_fn(x, get="ntk")
    found = [None] * 8

    def compute(i):
        found[i] = NETWORK.kernel_fn(x, get="ntk")

    threads = [threading.Thread(target=compute, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(one, expected) for one in found)


def test_other_threads_go_on_during_a_kernel():
    is_done = threading.Event()
    kernel_fn = stax.serial(*[stax.Dense(1), stax.Erf()] * 20, stax.Dense(1)).kernel_fn
    x, size = sine([500, 10]), 500
    # As large as it takes for a kernel of half a second.
    while True:
        began = time.perf_counter()
        kernel_fn(x)
        if time.perf_counter() - began > 0.5 or size >= 8000:
            break
        size *= 2
        x = sine([size, 10])
    times = []

    def count():
        while not is_done.is_set():
            times.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    kernel_fn(x)
    is_done.set()
    thread.join()
    assert len(times) > 10


def _resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
def test_memory_does_not_grow():
    x = sine([100, 10])
    for _ in range(50):
        NETWORK.kernel_fn(x)
    gc.collect()
    before = _resident()
    for _ in range(300):
        NETWORK.kernel_fn(x)
        NETWORK.init_fn(0, (1, 10))
        with pytest.raises(nt.NetworkError):
            NETWORK.kernel_fn(x[:, :0])
    gc.collect()
    assert _resident() - before < 20e6


def test_threads_are_counted():
    before = nt.get_num_threads()
    nt.set_num_threads(1)
    assert nt.get_num_threads() == 1
    nt.set_num_threads(before)
    with pytest.raises(ValueError):
        nt.set_num_threads(0)
    code = "import swift_neural_tangents as nt; print(nt.get_num_threads())"
    for name in ("NEURAL_TANGENTS_NUM_THREADS", "OMP_NUM_THREADS"):
        environment = {**os.environ, name: "1"}
        found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert found.stdout.strip() == "1"


def test_information():
    info = nt.info()
    assert info["version"] == nt.__version__ and "OpenBLAS" in info["linear_algebra"] and info["threads"] >= 1


def test_importing_is_quick():
    code = """
import time, numpy
began = time.process_time()
import swift_neural_tangents
print(time.process_time() - began)
"""
    times = [float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout) for _ in range(5)]
    assert min(times) < 0.1 * float(os.environ.get("TEST_SLOWNESS", 1)), times


def test_nothing_else_is_imported():
    code = """
import sys, swift_neural_tangents
print(sorted({module.split(".")[0] for module in sys.modules} & {"jax", "scipy", "sklearn", "torch"}))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr
