"""
A process with a genuine MLflow client, for tests: it does one piece of source after the other, so that the client is imported
once. Each line that comes in is a JSON text of source; each line that goes out is what the source left in `result`, or the
error that it ended with. It runs on whatever Python has the client, and imports nothing of Run Studio's.
"""

import json
import os
import sys

replies = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # clients print, too

import mlflow  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402

uri = mlflow.get_tracking_uri()


def refusal(action, *args, **kwargs):
    """The code and the message that the client raises for what the server refuses; None when it does not."""
    try:
        action(*args, **kwargs)
    except MlflowException as error:
        return [error.error_code, str(error)]


for line in sys.stdin:
    names = {"mlflow": mlflow, "MlflowClient": MlflowClient, "client": MlflowClient(), "refusal": refusal}
    try:
        exec(json.loads(line), names)
        reply = {"result": names.get("result")}
    except Exception as error:
        reply = {"error": f"{type(error).__name__}: {error}"}
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(experiment_id="0")
    replies.write(json.dumps(reply) + "\n")
    replies.flush()
