"""
A worker with a planted bug: commits are not fenced by the epoch.
"""

import sys

import slow_turns  # noqa: F401 - a pause falls into a turn

from gateway.forkserver import main
from gateway.store import connection, functions


FENCES = (
    ("local is_mine = epoch == tonumber(c[3])", "local is_mine = true"),
    ("if c[6] == commit or (is_mine and seq <= done) then", "if false then"),
    ("if k == 0 or oldest ~= seq then", "if false then"),
)


def load_functions():
    found = dict(functions.load_functions())
    source = found["commit"].source.decode()
    for fence, hole in FENCES:
        assert fence in source, fence
        source = source.replace(fence, hole)
    found["commit"] = functions.of_source("commit", source.encode())
    return found


connection.load_functions = load_functions
main(sys.argv[1:])
