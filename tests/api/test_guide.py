"""The guide by example is run as it is written, against a live studio."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from runs.api.errors import MEANINGS

GUIDE = (Path(__file__).parents[2] / "docs" / "rest.md").read_text(encoding="utf-8")


@pytest.mark.live
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_every_command_of_the_guide_works(live_studio, tmp_path):
    commands = "\n".join(re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL))
    # An answer of 400 or more ends the script.
    script = f"set -eu\n{commands.replace('curl -sS', 'curl -sS --fail-with-body')}"

    done = subprocess.run(
        ["sh", "-c", script],
        cwd=tmp_path,
        env=live_studio.client_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    run = live_studio.request("GET", "/runs/by-hand")
    assert (run["status"], run["parameters"], run["tags"]) == ("Completed", {"lr": 0.1}, {"team": "vision"})
    assert "by-hand Completed" in done.stdout
    assert '{"accepted":4,"replayed":false}' in done.stdout
    assert live_studio.request("GET", "/runs/queued")["status"] == "Canceled"


def test_the_guide_names_every_code():
    assert all(f"`{code}`" in GUIDE for code in MEANINGS)


def test_the_guides_json_is_json():
    for block in re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL):
        json.loads(block)
