"""Hyperparameter search, estimators and automated training are not offered; their names can be imported."""
