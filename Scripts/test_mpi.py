"""Predictions of a program with MPI on 1, 2 and 4 processes against those of one process without mpirun, and processes that are
killed. What `test-mpi.sh` runs: test_mpi.py PROGRAM FOLDER."""

import array
import csv
import math
import os
import random
import re
import signal
import struct
import subprocess
import sys
import time

program, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
os.chdir(folder)
checked = 0


def expect(holds, what):
    global checked
    checked += 1
    if not holds:
        sys.exit(f"test_mpi: {what}")


def run(processes, *arguments, status=0):
    command = [program, *arguments]
    if processes:
        command = ["mpirun", "-n", str(processes), *command]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600)
    expect(result.returncode == status, f"{command}: status {result.returncode}: {result.stdout} {result.stderr}")
    return result


def write(name, rows):
    with open(name, "w", newline="") as file:
        csv.writer(file).writerows(rows)


def predictions(name):
    with open(name, newline="") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def largest_difference(a, b, column):
    expect(len(a) == len(b) > 0, f"{len(a)} and {len(b)} predictions")
    return max(abs(x[column] - y[column]) for x, y in zip(a, b))


# 1,300 inputs on a sphere of radius 2 and a smooth function of them.
numbers = random.Random(1)
inputs, targets = [], []
for _ in range(1300):
    x = [numbers.gauss(0, 1) for _ in range(4)]
    size = math.sqrt(sum(v * v for v in x))
    inputs.append([2 * v / size for v in x])
    targets.append([math.sin(2 * x[0]) + x[1] * x[2] + 0.1 * numbers.gauss(0, 1)])
train, test = slice(0, 1250), slice(1250, 1300)
write("x.csv", inputs[train])
write("y.csv", targets[train])
write("test.csv", inputs[test])
with open("net.json", "w") as file:
    file.write('{"serial": [{"dense": {"width": 4, "biasStd": 0.2}}, {"relu": {}}, {"dense": {"width": 1}}]}')

# Every rank runs the same loop over the tiles of a store.
run(0, "gram", "create", "k.zarr", "net.json", "--x1", "x.csv", "--no-header", "--tile-size", "256")
run(4, "gram", "run", "k.zarr")
run(0, "gram", "verify", "k.zarr")

common = ["predict", "--store", "k.zarr", "--targets", "y.csv", "--test", "test.csv", "--no-header", "--tails", "normal"]
common += ["--target-transform", "none"]
exact = {}
for method in ["nngp", "ntk"]:
    run(0, *common, "--method", method, "--diag-reg", "0.01", "--solver", "cholesky", "--output", "p.csv")
    exact[method] = predictions("p.csv")
    column = list(exact[method][0])[0]
    for processes in [1, 2, 4]:
        result = run(
            processes, *common, "--method", method, "--diag-reg", "0.01", "--solver", "cholesky", "--output", "q.csv")
        expect(f"Cholesky factorisation in {processes} process" in result.stdout, result.stdout)
        for name, tolerance in [(column, 1e-9), (column + "_std", 1e-6)]:
            found = largest_difference(exact[method], predictions("q.csv"), name)
            expect(found < tolerance, f"{method}, Cholesky on {processes}: {name} differs by {found}")
        result = run(
            processes, *common, "--method", method, "--diag-reg", "0.01", "--solver", "cg", "--tolerance", "1e-4",
            "--output", "q.csv")
        certified = float(re.search(r"errors of means at most (\S+) after", result.stdout)[1])
        # What is certified is in units of standardised targets.
        mean = sum(y[0] for y in targets[train]) / 1250
        deviation = math.sqrt(sum((y[0] - mean) ** 2 for y in targets[train]) / 1250)
        found = largest_difference(exact[method], predictions("q.csv"), column)
        expect(found <= certified * deviation, f"{method}, cg on {processes}: {found} of {certified}")
        expect(result.stdout.count("solver: conjugate gradients") == 1, "only the first process speaks")
    print(f"{method}: Cholesky and conjugate gradients on 1, 2 and 4 processes agree with one process")

# Finite times take eigenvectors.
run(0, *common, "--method", "ntk", "--time", "300", "--diag-reg", "0.01", "--output", "p.csv")
alone = predictions("p.csv")
for processes in [1, 2, 4]:
    run(processes, *common, "--method", "ntk", "--time", "300", "--diag-reg", "0.01", "--output", "q.csv")
    for name, tolerance in [(column, 1e-8), (column + "_std", 1e-6)]:
        found = largest_difference(alone, predictions("q.csv"), name)
        expect(found < tolerance, f"finite time on {processes}: {name} differs by {found}")
print("finite training times on 1, 2 and 4 processes agree with one process")

# Mistakes are said once, with the status of the process that leads.
result = run(2, *common[:4], "missing.csv", *common[5:], "--output", "q.csv", status=66)
expect(result.stderr.count("missing.csv: no such file") == 1, result.stderr)
for arguments in [["--train", "x.csv", "--output", "q.csv"], ["--store", "k.zarr", "--folds", "3"]]:
    result = run(2, "predict", *arguments, status=64)
    expect(result.stderr.count("error: ") == 1, result.stderr)
run(0, "gram", "create", "half.zarr", "net.json", "--x1", "x.csv", "--no-header", "--tile-size", "256")
result = run(2, "predict", "--store", "half.zarr", *common[3:], "--output", "q.csv", status=65)
expect(result.stderr.count("tiles are missing: gram run half.zarr") == 1, result.stderr)
print("mistakes are said once")


def kill_one(processes, arguments, when):
    """Starts processes and kills one that does not lead as soon as `when` holds; the status of the job."""
    job = subprocess.Popen(
        ["mpirun", "-n", str(processes), program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    end = time.time() + 300
    while not when():
        expect(job.poll() is None and time.time() < end, f"nothing to kill: {job.communicate() if job.poll() is not None else ''}")
        time.sleep(0.005)
    children = subprocess.run(["pgrep", "-P", str(job.pid)], capture_output=True, text=True).stdout.split()
    victim = None
    for child in children:
        with open(f"/proc/{child}/environ", "rb") as file:
            if b"OMPI_COMM_WORLD_RANK=1\0" in file.read():
                victim = int(child)
    expect(victim is not None, f"no process of rank 1 among {children}")
    os.kill(victim, signal.SIGKILL)
    job.communicate(timeout=300)
    return job.returncode


# A process that is killed ends the job, and the store goes on with what it has.
with open("images.npy", "wb") as file:
    shape = (1000, 8, 8, 3)
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
    array.array("f", [numbers.gauss(0, 1) for _ in range(math.prod(shape))]).tofile(file)
layer = '{"conv": {"channels": 1, "window": [3, 3], "padding": "same"}}, {"relu": {}}, '
with open("slow.json", "w") as file:
    file.write('{"serial": [' + 3 * layer + '{"globalAveragePool": {}}, {"dense": {"width": 1}}]}')
run(0, "gram", "create", "killed.zarr", "slow.json", "--x1", "images.npy", "--tile-size", "64")
rows = [f"killed.zarr/ntk/c/{row}" for row in os.listdir("killed.zarr/ntk/c")]
status = kill_one(4, ["gram", "run", "killed.zarr"], lambda: sum(len(os.listdir(row)) for row in rows) > 9)
expect(status != 0, "a job whose process was killed ended with status 0")
result = run(4, "gram", "run", "killed.zarr")
result = run(0, "gram", "verify", "killed.zarr")
expect(" 0 damaged" in result.stdout, result.stdout)

# So does a prediction, which goes on with its checkpoint.
slow = [*common, "--diag-reg", "1e-4", "--solver", "cg", "--output", "killed.csv", "--checkpoint", "x.checkpoint"]
status = kill_one(
    4, [*slow, "--tolerance", "1e-30", "--max-products", "100000"], lambda: os.path.exists("x.checkpoint"))
expect(status != 0 and not os.path.exists("killed.csv"), "a prediction whose process was killed was written")
first = run(4, *slow[:-2], "--tolerance", "1e-6")
again = run(4, *slow, "--tolerance", "1e-6")
products = [int(re.search(r"after (\d+) products?", text.stdout)[1]) for text in [first, again]]
expect(products[1] < products[0], f"{products[0]} products from the beginning, {products[1]} from a checkpoint")
print("processes that are killed end the job; stores and checkpoints go on")
print(f"test_mpi: {checked} checks hold")
