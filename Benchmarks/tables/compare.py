"""Holds `neural-tangents predict`, without a network and without options, against scikit-learn on real tables, and writes
what it finds as Markdown.

    compare.py PROGRAM [--splits 3] [--only NAME] [--output RESULTS.md]
"""

import argparse
import csv
import datetime
import math
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

import numpy as np

import rivals
import tables

OURS = "neural-tangents"
LEVELS = (0.5, 0.9, 0.95)


def run(program, task, train, test, folder):
    paths = [folder / name for name in ("train.csv", "test.csv", "predictions.csv")]
    train.to_csv(paths[0], index=False)
    test.to_csv(paths[1], index=False)
    kind = "classification" if task.is_classification else "regression"
    command = [program, "predict", "--train", paths[0], "--target", task.target, "--test", paths[1], "--output", paths[2]]
    done = subprocess.run([str(part) for part in command + ["--task", kind, *task.options]], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    with open(paths[2]) as file:
        return done.stdout, list(csv.DictReader(file))


def scores_of_numbers(truth, mean, deviation):
    """Scores of normal distributions: NLPD, RMSE, and the part inside central intervals."""
    z = (truth - mean) / deviation
    density = 0.5 * math.log(2 * math.pi) + np.log(deviation) + 0.5 * z * z
    ranks = np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in z])
    inside = [float(np.mean(np.abs(ranks - 0.5) <= level / 2)) for level in LEVELS]
    return float(density.mean()), float(np.sqrt(np.mean((truth - mean) ** 2))), inside


def ours_of_numbers(text):
    """The same of what the program printed: its distributions are no normal ones."""
    lines = text.splitlines()
    start = next(index for index, line in enumerate(lines) if "RMSE" in line and "NLPD" in line)
    cells = lines[start + 1].split() if "---" not in lines[start + 1] else lines[start + 2].split()
    cells = [cell for cell in cells if cell != "%"]
    rmse, nlpd = float(cells[1]), float(cells[2])
    inside = [float(cell) / 100 for cell in cells[4:9]]
    return nlpd, rmse, [inside[0], inside[2], inside[3]]


def log_loss(probabilities, classes, truth):
    places = {name: index for index, name in enumerate(classes)}
    values = [probabilities[row][places[label]] if label in places else 0 for row, label in enumerate(truth)]
    return float(np.mean(-np.log(np.maximum(values, 1e-15))))


def accuracy(probabilities, classes, truth):
    best = np.argmax(probabilities, axis=1)
    return float(np.mean([classes[index] == label for index, label in zip(best, truth)]))


def judged(program, task, method, train, test):
    start = time.perf_counter()
    truth = test[task.target].to_numpy()
    if task.is_classification:
        if method == OURS:
            with tempfile.TemporaryDirectory() as folder:
                _, rows = run(program, task, train, test, pathlib.Path(folder))
            names = [name for name in rows[0] if name.startswith("probability_")]
            probabilities = np.array([[float(row[name]) for name in names] for row in rows])
            classes = [name.removeprefix("probability_") for name in names]
        else:
            probabilities, classes = rivals.classification(method, train, test, task.target)
        scores = {"NLPD": log_loss(probabilities, classes, truth), "error": 1 - accuracy(probabilities, classes, truth)}
    else:
        if method == OURS:
            with tempfile.TemporaryDirectory() as folder:
                text, _ = run(program, task, train, test, pathlib.Path(folder))
            nlpd, rmse, inside = ours_of_numbers(text)
        else:
            mean, deviation = rivals.regression(method, train, test, task.target)
            nlpd, rmse, inside = scores_of_numbers(truth.astype(float), mean, deviation)
        scores = {"NLPD": nlpd, "error": rmse, "inside": inside}
    scores["seconds"] = time.perf_counter() - start
    return scores


def ranks(scores):
    """The place of each method, the mean of places where they tie; one that failed is last."""
    values = {method: score if score is not None and math.isfinite(score) else math.inf for method, score in scores.items()}
    return {
        method: 1 + sum(other < value for other in values.values()) + 0.5 * (sum(other == value for other in values.values()) - 1)
        for method, value in values.items()
    }


def mean(values):
    values = [value for value in values if value is not None]
    return sum(values) / len(values) if values else math.nan


def compared(program, tasks, methods, count):
    results = []
    for task in tasks:
        found = {method: [] for method in methods}
        for train, test in tables.splits(task, count):
            for method in methods:
                try:
                    found[method].append(judged(program, task, method, train, test))
                except Exception as error:  # A failure is a result.
                    print(f"{task.name}: {method} failed: {error}", file=sys.stderr)
                    found[method].append(None)
        results.append((task, found))
        ours = found[OURS]
        print(task.name, *(f"{key} {mean([s[key] for s in ours if s]):.4g}" for key in ("NLPD", "error", "seconds")),
              {m: round(mean([s["NLPD"] for s in found[m] if s]), 3) for m in methods}, file=sys.stderr, flush=True)
    return results


def section(title, results, methods, error):
    lines = [f"## {title}", ""]

    def average(found, key):
        return {m: None if None in found[m] else mean([s[key] for s in found[m]]) for m in methods}

    places = {key: [ranks(average(found, key)) for _, found in results] for key in ("NLPD", "error")}
    is_regression = error == "RMSE"
    head = ["method", "rank by NLPD", f"rank by {error}", "mean NLPD"]
    head += [f"in {100 * level:g} %" for level in LEVELS] if is_regression else []
    head += ["failures", "seconds, mean", "seconds, most"]
    lines += ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for method in methods:
        all_scores = [score for _, found in results for score in found[method] if score]
        cells = [f"{mean([place[method] for place in places[key]]):.2f}" for key in ("NLPD", "error")]
        cells.append(f"{mean([score['NLPD'] for score in all_scores]):.3f}")
        if is_regression:
            cells += [f"{100 * mean([score['inside'][index] for score in all_scores]):.1f}" for index in range(len(LEVELS))]
        failures = sum(score is None for _, found in results for score in found[method])
        seconds = [score["seconds"] for score in all_scores]
        cells += [str(failures), f"{mean(seconds):.2f}", f"{max(seconds, default=math.nan):.2f}"]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    lines += ["", f"| table | rows | columns | {error} | NLPD | NLPD of the best other | rank |", "|---|---|---|---|---|---|---|"]
    for (task, found), place in zip(results, places["NLPD"]):
        values = average(found, "NLPD")
        errors = average(found, "error")
        others = [value for method, value in values.items() if method != OURS and value is not None]
        shown = [f"{value:.4g}" if value is not None else "failed" for value in (errors[OURS], values[OURS], min(others))]
        lines.append(
            f"| {task.name} | {len(task.frame)} | {task.frame.shape[1] - 1} | " + " | ".join(shown) + f" | {place[OURS]:g} |"
        )
    return lines + [""]


def processor():
    """Its name where Linux tells it, and how many cores there are."""
    name = platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            name = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{name}, {os.cpu_count()} cores"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--only")
    parser.add_argument("--kind", choices=["regression", "classification"])
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    import sklearn

    lines = [
        "# Real tables",
        "",
        f"{datetime.date.today()}, {processor()}, scikit-learn {sklearn.__version__}. The mean of {options.splits} "
        "random splits, four fifths to learn from; the program without a network and without options. NLPD is the mean "
        "negative log predictive density, for classes the log loss; lower is better, and so are ranks.",
        "",
    ]
    for is_classification, rivals_of in ((False, rivals.REGRESSORS), (True, rivals.CLASSIFIERS)):
        if options.kind and (options.kind == "classification") != is_classification:
            continue
        chosen = [
            task
            for task in tables.tasks()
            if task.is_classification == is_classification and (options.only is None or options.only == task.name)
        ]
        if not chosen:
            continue
        methods = [OURS, *rivals_of]
        results = compared(options.program, chosen, methods, options.splits)
        title = "Classes" if is_classification else "Numbers"
        lines += section(title, results, methods, "error rate" if is_classification else "RMSE")
    text = "\n".join(lines)
    if options.output:
        options.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
