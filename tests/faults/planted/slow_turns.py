"""
A worker without a bug whose turns take a while, so that a strike falls into them.
"""

import asyncio
import sys

from gateway.forkserver import main
from gateway.turn_work import TurnWork


_run = TurnWork.run


async def run(self, *args):
    await asyncio.sleep(0.05)
    return await _run(self, *args)


TurnWork.run = run
if __name__ == "__main__":
    main(sys.argv[1:])
