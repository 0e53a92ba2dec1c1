"""
What an audit of a lock file found: exit 1 for known weaknesses, each with its fix.

What could not be looked up is counted and said, and is no finding: a service that is
out of reach must not stop a change, and must not look like a clean bill either.
"""

import json
import sys
from pathlib import Path
from typing import Any


def findings(report: dict[str, Any]) -> list[str]:
    """One line for each weakness that is known of a locked version."""
    return [
        f"{one['name']} {one['version']}: {weakness['id']}, mended in "
        f"{', '.join(weakness['fix_versions']) or 'no version yet'}"
        for one in report["dependencies"]
        for weakness in one.get("vulns", ())
    ]


def unknown(report: dict[str, Any]) -> list[str]:
    """Names of which nothing could be looked up."""
    return [one["name"] for one in report["dependencies"] if "skip_reason" in one]


def main(lock: str, path: str, why: str) -> int:
    try:
        report = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError:
        reason = Path(why).read_text(encoding="utf-8").strip().splitlines()
        print(f"{lock}: NOT AUDITED, {reason[-1] if reason else 'no report'}")
        return 0
    found, missing = findings(report), unknown(report)
    total = len(report["dependencies"])
    print(f"{lock}: {total - len(missing)} of {total} looked up, {len(found)} findings")
    if missing:
        print(f"  NOT AUDITED (no advisory data within reach): {len(missing)} packages")
    for line in found:
        print(f"  {line}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
