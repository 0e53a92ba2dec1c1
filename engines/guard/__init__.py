"""
Checks on what leaves: figures and promises need a source, people stay unnamed.

``figures`` reads the figures of a text, ``check`` compares those of an answer
with what stands behind it, ``personal_data`` finds and masks what identifies
a person. All of it is pure and synchronous; nothing here calls a model, keeps
state or decides where a refused turn goes.
"""

from __future__ import annotations

from engines.guard.check import check
from engines.guard.personal_data import (
    find_personal_data,
    find_split_personal_data,
    mask_personal_data,
)


__all__ = [
    "check",
    "find_personal_data",
    "find_split_personal_data",
    "mask_personal_data",
]
