"""
``tidegate operator``: accounts of the people at the desk.
"""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli import options
from gateway.handoff.operators import add_operator
from gateway.store.connection import Scripts
from gateway.supervisor import Supervisor
