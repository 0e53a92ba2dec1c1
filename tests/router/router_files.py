"""Where the router's files are."""

from __future__ import annotations

from pathlib import Path


ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "router_models" / "data"
RELEASED = ROOT / "router_models" / "released"
RULES = ROOT / "configs" / "router_rules.yaml"
STAGES = ROOT / "configs" / "stages"
