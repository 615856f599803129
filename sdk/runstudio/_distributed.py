"""How many processes of a script run side by side, and by which means they find each other."""

from __future__ import annotations

from typing import Any

from runstudio._sections import Section

DEFAULT_CPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04"
DEFAULT_GPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-cuda11.1-cudnn8-ubuntu20.04"


class MpiConfiguration(Section):
    """
    Started by `mpirun`.

    Args:
        process_count_per_node: how many processes.
        node_count: machines; a run of the studio has one.
    """

    def __init__(self, process_count_per_node: int = 1, node_count: int = 1) -> None:
        super().__init__({"processCountPerNode": process_count_per_node, "nodeCount": node_count})


class PyTorchConfiguration(Section):
    """
    Each process gets `RANK`, `LOCAL_RANK`, `WORLD_SIZE`, `MASTER_ADDR`, `MASTER_PORT` and `NODE_RANK`.

    Args:
        communication_backend: Nccl or Gloo; the script hands it to `init_process_group` by itself.
        process_count: how many processes in all; one a node when left out.
        node_count: machines; a run of the studio has one.
    """

    def __init__(
        self, communication_backend: str = "Nccl", process_count: int | None = None, node_count: int = 1
    ) -> None:
        super().__init__(
            {"communicationBackend": communication_backend, "processCount": process_count, "nodeCount": node_count}
        )


class TensorflowConfiguration(Section):
    """
    Each process gets `TF_CONFIG`. The parameter servers are ended when the workers have.

    Args:
        worker_count, parameter_server_count: how many processes of each kind.
    """

    def __init__(self, worker_count: int = 1, parameter_server_count: int = 1) -> None:
        super().__init__({"workerCount": worker_count, "parameterServerCount": parameter_server_count})


class DockerConfiguration(Section):
    """
    Taken for v1's sake: the studio starts no containers, and says so when a run asks for one.

    Args:
        use_docker: whether a container was wanted.
        shared_volumes, shm_size, arguments: of that container.
    """

    def __init__(
        self,
        use_docker: bool = False,
        shared_volumes: bool = True,
        shm_size: str | None = None,
        arguments: list[str] | None = None,
    ) -> None:
        super().__init__(
            {
                "useDocker": use_docker,
                "sharedVolumes": shared_volumes,
                "shmSize": shm_size,
                "arguments": list(arguments or []),
            }
        )


def settings_of(config: Any) -> dict[str, Any] | None:
    """
    What a distributed job configuration says of a run configuration: its attributes by name.

    Returns:
        None when it is no such configuration.
    """
    if isinstance(config, MpiConfiguration):
        return {"communicator": "Mpi", "mpi": config, "node_count": config.node_count}
    if isinstance(config, PyTorchConfiguration):
        backend = str(config.communication_backend)
        return {
            "framework": "PyTorch",
            "communicator": backend,
            "pytorch": config,
            "node_count": config.node_count,
        }
    if isinstance(config, TensorflowConfiguration):
        return {"framework": "TensorFlow", "communicator": "ParameterServer", "tensorflow": config}
    return None
