"""
Runs the generator as a process of its own, so that it slows nothing that is measured.
"""

from __future__ import annotations

import subprocess
import sys

import msgspec

from loadtest.generator import Plan, Result


def generate(plan: Plan) -> Result:
    """Carry out *plan* and return what it saw."""
    done = subprocess.run(
        [sys.executable, "-m", "loadtest.generator"],
        input=msgspec.json.encode(plan),
        stdout=subprocess.PIPE,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=Result)
