"""
Entry of ``python -m loadtest.dashboards FOLDER``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from loadtest.dashboards.boards import BOARDS
from loadtest.dashboards.build import text_of


def main(argv: list[str]) -> None:
    """Write every board into the folder that *argv* names."""
    (folder,) = argv
    for board in BOARDS:
        path = Path(folder) / f"{board.name}.json"
        path.write_text(text_of(board), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
