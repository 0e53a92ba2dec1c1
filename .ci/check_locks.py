"""
Every dependency that pyproject.toml names is locked, in a version it allows.
"""

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


ROOT = Path(__file__).resolve().parent.parent


def locked(path: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        match = re.match(r"([A-Za-z0-9_.-]+)==([^ ;\\]+)", line)
        if match:
            found.setdefault(canonicalize_name(match[1]), set()).add(match[2])
    return found


def problems() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = {
        "requirements.lock": project["dependencies"],
        ".ci/requirements-test.lock": [
            *project["dependencies"],
            *extras["test"],
            *extras["lint"],
        ],
    }
    found = []
    for name, requirements in wanted.items():
        versions = locked(ROOT / name)
        for text in requirements:
            requirement = Requirement(text)
            have = versions.get(canonicalize_name(requirement.name), set())
            if not any(
                requirement.specifier.contains(one, prereleases=True) for one in have
            ):
                found.append(
                    f"{name}: {text} is locked as {sorted(have) or 'nothing'}; run .ci/lock"
                )
    return found


if __name__ == "__main__":
    sys.exit("\n".join(problems()) or 0)
