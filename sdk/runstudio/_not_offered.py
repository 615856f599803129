"""What v1 has and a Run Studio server has not: asking for it says so, and what to do instead."""

from __future__ import annotations

from typing import Any, NoReturn

DATA = (
    "Data stays where it is: give its path or address to the script as an argument, and read it there. "
    "Files of a run are kept by run.upload_file and read by run.download_file."
)
PIPELINES = "Submit the steps as child runs of one run: run.submit_child(ScriptRunConfig(...)), and wait for each."
SEARCH = "Submit a child run for each setting in a loop: run.submit_child(ScriptRunConfig(..., arguments=[...]))."
BOARDS = (
    "Metrics have curves on the run's page. "
    "For files of TensorBoard's own: run.download_files(prefix='logs/'), and start it on them."
)
SERVING = "Serve the files that Model(workspace, name).download() gives with a server of your own."
SECRETS = "Give secrets to the agent's machine as files, or to the run as Environment.environment_variables."
MACHINES = "Start an agent on the machine: studio agent start --compute NAME. It then is a compute target."
CONTAINERS = "Scripts run on the machine itself: name the packages, and the agent builds an environment of them."
CLOUD = "It belongs to Azure, and a Run Studio server has nothing like it."


def refuse(name: str, way: str) -> NoReturn:
    """
    Raises:
        NotImplementedError: always; the message names the way out.
    """
    raise NotImplementedError(f"{name} is not offered by Run Studio. {way}")


def missing_property(name: str, way: str) -> Any:
    """A property that is not offered."""
    return property(lambda _: refuse(name, way), doc=f"Not offered. {way}")


def missing_method(name: str, way: str) -> Any:
    """A method that is not offered."""

    def method(*_: Any, **__: Any) -> NoReturn:
        refuse(name, way)

    method.__doc__ = f"Not offered. {way}"
    return staticmethod(method)
