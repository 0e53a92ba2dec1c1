"""
Python functions in machine code, by numba, and the room that they work in.

Importing this module needs numba (the extra ``fast``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engines.rules.flat import Floats, Ints


_Function = TypeVar("_Function", bound=Callable[..., Any])


def machine_code(function: _Function) -> _Function:
    """*function* in machine code, made when it is first called."""
    return cast("_Function", njit(function))


def inlined(function: _Function) -> _Function:
    """As :func:`machine_code`, put into its callers: handing arrays over costs."""
    return cast("_Function", njit(function, inline="always"))


class Scratch(NamedTuple):
    """Room for one message; the call holds the interpreter, so one is enough."""

    shares: Floats
    stamps: NDArray[np.int64]
    touched: Ints
    rows: Ints
