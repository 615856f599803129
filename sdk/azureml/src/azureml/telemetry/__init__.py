"""`azureml.telemetry`: nothing about you is collected or sent, whatever is asked for."""

from __future__ import annotations


def set_diagnostics_collection(send_diagnostics: bool = True, verbosity: int | None = None) -> None:
    """Do nothing: there are no diagnostics. The arguments are taken for v1's sake."""
