"""
Submits the trainings of this folder, as `bin/up --demo` does: once, to a workspace that has no experiments yet.

    python examples/submit_all.py --compute local
"""

import argparse
import os

from runstudio import Experiment, ScriptRunConfig, Workspace

FOLDER = os.path.dirname(os.path.abspath(__file__))

# Experiment, script, arguments, description. The long one first: it is there to be watched, and to be canceled.
TRAININGS = (
    ("tours", "travelling_salesman.py", ["--minutes", "6"], "Runs for six minutes. Try **Cancel** on it."),
    ("clouds", "logistic_regression.py", [], "Logistic regression; every epoch is a point of each curve."),
    ("polynomials", "sweep.py", [], "A sweep: each fit is a *child run*."),
    ("counts", "diverges.py", [], "The learning rate grows too far: it **fails**, and the log says where."),
    ("spirals", "two_layer_net.py", ["--hidden", "16"], "A small net that learns two spirals."),
    ("clouds", "logistic_regression.py", ["--learning-rate", "0.00002"], "The same with smaller steps, to compare."),
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Submit the trainings of this folder.")
    parser.add_argument("--compute", default="local", help="the compute target (%(default)s)")
    target = parser.parse_args().compute

    workspace = Workspace.get("default")
    if workspace.experiments:
        print("The workspace has experiments already, so the demo's trainings are not submitted again.")
        return
    for experiment, script, arguments, description in TRAININGS:
        config = ScriptRunConfig(source_directory=FOLDER, script=script, arguments=arguments, compute_target=target)
        run = Experiment(workspace, experiment).submit(config, tags={"demo": None})
        run.display_name = script[: -len(".py")].replace("_", " ")
        run.description = description
    print(f"{len(TRAININGS)} trainings are submitted to {target}.")


if __name__ == "__main__":
    main()
