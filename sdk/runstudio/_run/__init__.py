"""Runs: those that this process starts, those that it is part of, and those that it looks at."""

from runstudio._run.run import Run
from runstudio._run.script_run import ScriptRun, SubmittedRun

__all__ = ["Run", "ScriptRun", "SubmittedRun"]
