"""
A stand-in for a language model in a process of its own, and clients of it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from loadtest.llm_manners import Manners
from loadtest.llm_stub_process import StubControl, running_stub


@pytest.fixture(scope="session")
def stub_process() -> Iterator[StubControl]:
    """One process for the whole run."""
    with running_stub() as stub:
        yield stub


@pytest.fixture(scope="session")
def second_process() -> Iterator[StubControl]:
    """Another one, to fall back to."""
    with running_stub() as stub:
        yield stub


@pytest.fixture
def stub(stub_process: StubControl) -> StubControl:
    """The stub with good manners and nothing to say of its own."""
    stub_process.manners(Manners())
    stub_process.script([])
    return stub_process


@pytest.fixture
def second(second_process: StubControl) -> StubControl:
    """As *stub*, the second one."""
    second_process.manners(Manners())
    second_process.script([])
    return second_process
