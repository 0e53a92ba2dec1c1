"""
A stack whose workers carry one of the bugs in ``planted/``.
"""

import sys
from pathlib import Path

from gateway.supervisor import Supervisor


PLANTED = Path(__file__).parent / "planted"


def planted(name):
    """A supervisor that runs *name* in place of the worker."""

    class Planted(Supervisor):
        def fork_server_command(self, handed, listener, control):
            script = str(PLANTED / f"{name}.py")
            return [sys.executable, script, str(handed), str(listener), str(control)]

    return Planted
