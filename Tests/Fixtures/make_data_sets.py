"""Writes the shipped data sets, Sources/neural-tangents/Resources/Data/*.csv, from the copies inside scikit-learn."""

import csv
import os

import sklearn
from fixture_support import REPOSITORY
from sklearn import datasets

FOLDER = os.path.join(REPOSITORY, "Sources/neural-tangents/Resources/Data")


def text(value):
  """The shortest text that reads back as the same number; integers without a point."""
  return str(int(value)) if float(value).is_integer() else repr(float(value))


def save(name, features, rows, target_name, targets):
  path = os.path.join(FOLDER, name)
  with open(path, "w", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*features, target_name])
    for row, target in zip(rows, targets, strict=True):
      writer.writerow([*map(text, row), target])
  print(
    f"{name}: {len(rows)} rows, {len(features)} features, {os.path.getsize(path):,} bytes, "
    f"scikit-learn {sklearn.__version__}"
  )


os.makedirs(FOLDER, exist_ok=True)

diabetes = datasets.load_diabetes(scaled=False)
names = {
  "bp": "blood_pressure",
  "s1": "total_cholesterol",
  "s2": "ldl",
  "s3": "hdl",
  "s4": "cholesterol_hdl_ratio",
  "s5": "log_triglycerides",
  "s6": "glucose",
}
save(
  "diabetes.csv",
  [names.get(name, name) for name in diabetes.feature_names],
  diabetes.data,
  "target",
  [text(target) for target in diabetes.target],
)

wine = datasets.load_wine()
save(
  "wine.csv",
  [name.replace("/", "_") for name in wine.feature_names],
  wine.data,
  "label",
  [str(wine.target_names[target]) for target in wine.target],
)

cancer = datasets.load_breast_cancer()
save(
  "breast-cancer.csv",
  [name.replace(" ", "_") for name in cancer.feature_names],
  cancer.data,
  "label",
  [str(cancer.target_names[target]) for target in cancer.target],
)

digits = datasets.load_digits()
save(
  "digits.csv",
  [f"pixel_{row}_{column}" for row in range(8) for column in range(8)],
  digits.data,
  "label",
  digits.target,
)
