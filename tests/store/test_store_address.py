"""
Store URLs: each kind is understood, and a wrong one is refused with what was expected.
"""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.store import address, keys
from gateway.store.errors import StoreMisused


@pytest.mark.parametrize(
    ("url", "kind", "host", "port"),
    [
        ("redis://", "single", "localhost", 6379),
        ("redis://10.0.0.1", "single", "10.0.0.1", 6379),
        ("redis://[::1]:7000/2", "single", "::1", 7000),
        ("rediss://example.org:1", "single", "example.org", 1),
        ("redis+cluster://a:7000", "cluster", "a", 7000),
        ("rediss+cluster://a:7000", "cluster", "a", 7000),
        ("redis+sentinel://a:1,b:2/main", "sentinel", "a", 1),
    ],
)
def test_kinds_of_addresses(url: str, kind: str, host: str, port: int) -> None:
    """Every documented form gives its kind, host and port."""
    found = address.parse(url)
    assert (found.kind, found.endpoint.host, found.endpoint.port) == (kind, host, port)
    assert (found.endpoint.tls is not None) == url.startswith("rediss")


def test_parts_of_an_address() -> None:
    """Credentials, database and sentinels are read, and percent escapes undone."""
    found = address.parse("redis://u%40:p%2F@h:1/5").endpoint
    assert (found.username, found.password, found.db) == ("u@", "p/", 5)
    assert address.parse("unix:///a%20b/s?db=3").endpoint.path == "/a b/s"
    assert address.parse("unix:///a%20b/s?db=3").endpoint.db == 3
    found_sentinel = address.parse("redis+sentinel://u:p@a:1,b/main")
    assert found_sentinel.sentinels == (("a", 1), ("b", 26379))
    assert found_sentinel.service == "main"
    assert found_sentinel.endpoint.password == "p"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost",
        "http://localhost",
        "redis+magic://h",
        "memory://",
        "unix://",
        "redis://h:port",
        "redis://h:99999",
        "redis://h/name",
        "redis://h?db=x",
        "redis+sentinel://h:1",
        "redis+sentinel:///main",
        "redis+sentinel://h:x/main",
        "rediss://h?ssl_ca_certs=/no/such/file",
        "rediss://h?ssl_no_such=1",
        "rediss://h?ssl_cert_reqs=perhaps",
    ],
)
def test_wrong_addresses_are_refused(url: str) -> None:
    """A wrong address is one clear error."""
    with pytest.raises(StoreMisused, match="not a store URL"):
        address.parse(url)


def test_error_does_not_show_the_password() -> None:
    """An address is not repeated in its error: it may hold a password."""
    with pytest.raises(StoreMisused) as caught:
        address.parse("redis://user:hunter2@h/notanumber")
    assert "hunter2" not in str(caught.value)


@given(
    st.sampled_from(["", "redis://", "rediss://", "unix://", "redis+sentinel://"]),
    st.text(max_size=40),
)
def test_any_text_is_an_address_or_a_clear_error(scheme: str, rest: str) -> None:
    """No text makes the parser fail in an unplanned way."""
    with contextlib.suppress(StoreMisused):
        address.parse(scheme + rest)


ids = st.text(st.characters(codec=None), max_size=30)


@given(ids)
def test_escaping_is_undone(name: str) -> None:
    """Any id survives the way into a key and back, and is harmless inside it."""
    escaped = keys.escape(name)
    assert keys.unescape(escaped.encode("ascii")) == name
    assert not set(escaped) & set(":{} !\r\n\0")


@given(ids, ids)
def test_mail_names_are_undone(channel: str, message_id: str) -> None:
    """Channel and message id come apart again as they went in."""
    assert keys.unmail(keys.mail(channel, message_id).encode()) == (channel, message_id)


@given(ids, ids)
def test_wake_up_channels_are_undone(shop: str, conversation: str) -> None:
    """A wake-up's channel names shop and bucket."""
    channel = keys.of_conversation(shop, conversation).channel.encode()
    assert keys.of_wake_up(channel) == (shop, keys.bucket_of(conversation))


@given(st.tuples(ids, ids, ids, ids), st.tuples(ids, ids, ids, ids))
def test_different_messages_have_different_keys(
    one: tuple[str, str, str, str], other: tuple[str, str, str, str]
) -> None:
    """No two messages share a dedup key, whatever their ids look like."""

    def key(shop: str, conversation: str, channel: str, message_id: str) -> str:
        at = keys.of_conversation(shop, conversation)
        return at.dedup + keys.mail(channel, message_id)

    assert (key(*one) == key(*other)) == (one == other)


def test_buckets_are_stable_and_even() -> None:
    """Buckets never change with a version, and spread conversations evenly."""
    assert [keys.bucket_of(name) for name in ("", "c", "顾客-1")] == [0, 111, 190]
    counts = [0] * keys.BUCKETS
    for n in range(25_600):
        counts[keys.bucket_of(f"customer-{n}")] += 1
    assert min(counts) > 60
    assert max(counts) < 140
