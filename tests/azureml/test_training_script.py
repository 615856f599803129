"""A training script as people wrote them for v1, with scikit-learn and matplotlib, in an environment that the agent builds."""

import subprocess
import sys
from collections.abc import Callable
from http.cookiejar import CookieJar
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

pytestmark = pytest.mark.live

TRAIN = """
import argparse
import os

import joblib
import matplotlib
import numpy as np
from azureml.core import Run
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split

matplotlib.use("Agg")
import matplotlib.pyplot as plt

parser = argparse.ArgumentParser()
parser.add_argument("--data-size", type=int, dest="size", default=100)
parser.add_argument("--max-alpha", type=float, default=1.0)
args = parser.parse_args()

run = Run.get_context()
run.log("size", np.int64(args.size))
X, y = load_diabetes(return_X_y=True)
data = train_test_split(X[: args.size], y[: args.size], test_size=0.2, random_state=0)
X_train, X_test, y_train, y_test = data
os.makedirs("outputs", exist_ok=True)
errors = []
for alpha in np.arange(0.1, args.max_alpha, 0.1):
    reg = Ridge(alpha=alpha)
    reg.fit(X_train, y_train)
    errors.append(mean_squared_error(reg.predict(X_test), y_test))
    run.log("alpha", alpha)
    run.log("mse", errors[-1])
    joblib.dump(value=reg, filename=os.path.join("outputs", "ridge_%.1f.pkl" % alpha))
plt.plot(errors)
run.log_image("errors", plot=plt)
run.log_table("by alpha", {"alpha": list(np.arange(0.1, args.max_alpha, 0.1)), "mse": errors})
run.tag("best", min(errors))
print("trained", len(errors), "models")
"""

SUBMIT = """
from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace

ws = Workspace.from_config()
env = Environment.from_pip_requirements("sklearn", "requirements.txt")
config = ScriptRunConfig(
    source_directory=".", script="train.py", arguments=["--data-size", 200, "--max-alpha", 0.5], environment=env
)
run = Experiment(ws, "diabetes").submit(config)
run.wait_for_completion(show_output=True)
metrics = run.get_metrics()
assert metrics["size"] == 200 and len(metrics["mse"]) == len(metrics["alpha"]) == 4, metrics
assert metrics["errors"].startswith("aml://artifactId/"), metrics
assert len(metrics["by alpha"]["mse"]) == 4, metrics
names = run.get_file_names()
assert {"outputs/ridge_0.1.pkl", "outputs/ridge_0.4.pkl"} <= set(names), names
assert set(run.get_tags()) == {"best"}
model = run.register_model(model_name="ridge", model_path="outputs/ridge_0.1.pkl")
print("run", run.id, model.version)
"""


def signed_in(studio) -> Callable[[str], str]:
    """The text of pages, for somebody who has signed in with the owner's token."""
    jar = CookieJar()
    opener = build_opener(HTTPCookieProcessor(jar))
    opener.open(f"{studio.url}/sign-in").read()
    [csrf] = (cookie.value for cookie in jar if cookie.name == "csrftoken")
    form = urlencode({"token": studio.token, "csrfmiddlewaretoken": csrf}).encode()
    opener.open(Request(f"{studio.url}/sign-in", form, {"Referer": studio.url})).read()
    return lambda path: opener.open(f"{studio.url}{path}").read().decode()


@pytest.fixture
def packages(tmp_path):
    """A requirements file; the test needs somewhere to install from."""
    wanted = ["scikit-learn", "matplotlib", "joblib"]
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(tmp_path / "wheels"), "joblib"]
    if subprocess.run(pip, capture_output=True, check=False).returncode:
        pytest.skip("no packages can be had here")
    (tmp_path / "requirements.txt").write_text("\n".join(wanted) + "\n")


def test_a_training_script_of_its_time_runs_as_it_is_and_its_page_shows_all_of_it(
    packages, run_script, studio, tmp_path
):
    (tmp_path / "train.py").write_text(TRAIN)

    done = run_script(SUBMIT, timeout=600)

    assert done.returncode == 0, done.stderr + done.stdout
    assert "trained 4 models" in done.stdout
    run_id = done.stdout.split("\nrun ")[1].split()[0]
    page = signed_in(studio)
    details, metrics, files = (page(f"/w/default/runs/{run_id}{tab}") for tab in ("", "/metrics", "/logs"))
    assert "sklearn" in details
    assert "ridge" in details
    assert all(name in metrics for name in ("mse", "alpha", "by alpha", "errors"))
    assert '<img src="' in metrics
    assert "ridge_0.4.pkl" in files
