"""What scikit-learn predicts: every method with the preparation that its documentation recommends."""

import warnings

import numpy as np
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel
from sklearn.impute import SimpleImputer
from sklearn.linear_model import BayesianRidge, LogisticRegressionCV
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR


def prepared(model):
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    texts = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"), OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    )
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include=np.number)),
        (texts, make_column_selector(dtype_exclude=np.number)),
    )
    return make_pipeline(columns, model)


def _process(kernel):
    return GaussianProcessRegressor(
        ConstantKernel() * kernel + WhiteKernel(0.1, (1e-5, 1e2)), normalize_y=True, n_restarts_optimizer=1, random_state=0
    )


REGRESSORS = {
    "Gaussian process, RBF": lambda: _process(RBF(3.0)),
    "Gaussian process, Matern": lambda: _process(Matern(3.0, nu=2.5)),
    "random forest": lambda: RandomForestRegressor(300, min_samples_leaf=2, random_state=0),
    "gradient boosting": lambda: HistGradientBoostingRegressor(random_state=0),
    "support vectors": lambda: GridSearchCV(SVR(), {"C": [1, 10, 100], "gamma": ["scale", 0.02]}, cv=5),
    "Bayesian ridge": lambda: BayesianRidge(),
}

CLASSIFIERS = {
    "Gaussian process": lambda: GaussianProcessClassifier(ConstantKernel() * RBF(3.0), random_state=0),
    "random forest": lambda: RandomForestClassifier(300, min_samples_leaf=2, random_state=0),
    "gradient boosting": lambda: HistGradientBoostingClassifier(random_state=0),
    "support vectors": lambda: GridSearchCV(SVC(probability=True, random_state=0), {"C": [1, 10, 100]}, cv=3),
    "logistic regression": lambda: LogisticRegressionCV(Cs=8, cv=3, max_iter=2000),
}


def regression(name, train, test, target):
    """Means and standard deviations; where a method has none, those of errors in five folds."""
    x, y = train.drop(columns=target), train[target].to_numpy(float)
    model = prepared(REGRESSORS[name]())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name.startswith("Gaussian") or name.startswith("Bayesian"):
            scale = y.std()
            model.fit(x, y / scale)
            mean, deviation = model.predict(test.drop(columns=target), return_std=True)
            return mean * scale, np.maximum(deviation, 1e-9) * scale
        errors = y - cross_val_predict(model, x, y, cv=5)
        model.fit(x, y)
        return model.predict(test.drop(columns=target)), np.full(len(test), max(errors.std(), 1e-9))


def classification(name, train, test, target):
    """Probabilities, and the classes that their columns are."""
    model = prepared(CLASSIFIERS[name]())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(train.drop(columns=target), train[target])
        return model.predict_proba(test.drop(columns=target)), list(model.classes_)
