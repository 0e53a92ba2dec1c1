"""
What reading data, rules and artifacts may raise.

    ValueError
    └── DataError            a file of rows, rules, concepts or prices is wrong
    Exception
    ├── ArtifactError        a router model cannot be used
    │   ├── ArtifactMissing      a file of it is not there
    │   ├── ArtifactMismatch     a file is not what the manifest says
    │   ├── ModelUnknown         the registry has no such version
    │   └── ModelRefused         it may not serve: worse, or nothing to go back to
    └── NativeMissing        machine code is asked for, and numba is not installed
"""

from __future__ import annotations

from pathlib import Path


class DataError(ValueError):
    """
    A data file is wrong.

    Attributes:
        path: The file.
        where: Line, group or entry in it; empty if the whole file is meant.
        fix: What to do about it, one sentence.
    """

    def __init__(self, path: Path, problem: str, fix: str, where: str = "") -> None:
        place = f"{path}, {where}" if where else str(path)
        super().__init__(f"{place}: {problem}; {fix}")
        self.path = path
        self.where = where
        self.fix = fix


class ArtifactError(Exception):
    """A router model cannot be used."""

    def __init__(self, path: Path, problem: str, fix: str) -> None:
        super().__init__(f"{path}: {problem}; {fix}")
        self.path = path
        self.fix = fix


class ArtifactMissing(ArtifactError):
    """A file of the router model is not there."""

    def __init__(self, path: Path) -> None:
        fix = "train a model with `tidegate train` or name another folder"
        super().__init__(path, "no such file", fix)


class ArtifactMismatch(ArtifactError):
    """A file of the router model is not what the manifest says."""

    def __init__(self, path: Path, what: str, expected: object, found: object) -> None:
        fix = "restore the released files or train again with `tidegate train`"
        super().__init__(path, f"{what}: expected {expected}, found {found}", fix)
        self.expected = expected
        self.found = found


class ModelUnknown(ArtifactError):
    """
    The registry has no such version.

    Attributes:
        version: What was asked for.
    """

    def __init__(self, version: str, known: list[str]) -> None:
        names = ", ".join(["released", *known])
        super().__init__(Path(version), "no such model", f"there are: {names}")
        self.version = version


class ModelRefused(ArtifactError):
    """
    A model may not serve.

    Attributes:
        version: The model.
    """

    def __init__(self, version: str, why: str) -> None:
        fix = "see `tidegate models show` and correct what it was taught"
        super().__init__(Path(version), why, fix)
        self.version = version


class NativeMissing(Exception):
    """The router has to add up in machine code, and numba is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "router.arithmetic is native but numba is missing;"
            " install tidegate[fast], or set it to auto"
        )
