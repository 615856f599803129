"""Which of a run's tags are for people. Clients keep books in tags too: those are told as facts, or by nobody."""

from collections.abc import Mapping
from typing import Final

CLIENTS_OWN: Final = "mlflow."  # begins the keys that MLflow's clients write for themselves


def for_people[V](tags: Mapping[str, V]) -> dict[str, V]:
    """The tags that pages show as such, in their order. Search and the interfaces for scripts know them all."""
    return {key: value for key, value in tags.items() if not key.startswith(CLIENTS_OWN)}
