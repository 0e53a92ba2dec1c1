"""
Forged webhooks of every scheme: none is taken, none breaks anything.

``tidegate loadtest tamper`` does the same fifty thousand times a scheme.
"""

from __future__ import annotations

import msgspec
import pytest

from gateway.channels.contract import HookRefused
from gateway.channels.registry import open_channel
from loadtest.play import Said
from loadtest.players import PLAYERS
from loadtest.tampering import PROOFS, tamper


@pytest.mark.parametrize("kind", sorted(PROOFS))
def test_no_forged_request_is_taken(kind: str) -> None:
    """Bent in every way we know, with every other byte in its place."""
    result = tamper(kind, 1_500)
    assert result.requests == 1_500
    assert (result.accepted, result.faults) == ((), ())


def test_every_channel_has_its_proofs() -> None:
    """A new channel cannot be left out here."""
    assert PROOFS.keys() == PLAYERS.keys()


def test_the_forger_would_find_a_loose_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison that ignores case is found within a few hundred."""
    monkeypatch.setattr(
        "gateway.channels.slack.same",
        lambda found, wanted: (found or "").lower() == wanted.lower(),
    )
    assert tamper("slack", 1_000).accepted


def test_the_forger_would_find_half_a_comparison(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A check that looks at the first characters only is found too."""
    monkeypatch.setattr(
        "gateway.channels.line.same",
        lambda found, wanted: (found or "")[:8] == wanted[:8],
    )
    assert tamper("line", 1_000).accepted


@pytest.mark.parametrize("kind", sorted(PROOFS))
def test_what_the_forger_starts_from_is_taken(kind: str) -> None:
    """The honest request passes, or all of the above would prove nothing."""
    settings = PLAYERS[kind].settings("http://127.0.0.1:9")
    channel = open_channel(settings)
    request = PLAYERS[kind].hook(settings, Said("m1", "1234567890", "你好", 1.8e9))
    delivery = channel.decode(request, channel.verify(request, 1.8e9))
    assert delivery.messages or delivery.pull


def test_headers_are_no_place_for_secrets_in_errors() -> None:
    """A refusal says nothing of what was wrong or wanted."""
    settings = PLAYERS["slack"].settings("http://127.0.0.1:9")
    request = PLAYERS["slack"].hook(settings, Said("m1", "1", "你好", 1.8e9))
    forged = msgspec.structs.replace(request, body=b"{}")
    with pytest.raises(HookRefused) as refused:
        open_channel(settings).verify(forged, 1.8e9)
    assert settings.signing_secret not in str(refused.value)  # type: ignore[union-attr]
    assert "v0=" not in str(refused.value)
