"""Every view of this surface by its method and path: each file says which are its own."""

from runs.mlflow import artifacts, experiments, history, inputs, logged_models, metrics, records, runs, search
from runs.mlflow.routes import Patterns, Routes

_FILES = (experiments, runs, metrics, history, records, search, history, inputs, logged_models, artifacts)

ROUTES: Routes = {route: view for file in _FILES for route, view in getattr(file, "routes", {}).items()}
PATTERNS: Patterns = [pattern for file in _FILES for pattern in getattr(file, "patterns", ())]
