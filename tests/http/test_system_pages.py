"""
Health, readiness, metrics, and pages that load nothing from elsewhere.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import jsonschema_rs
import pytest
from prometheus_client.parser import text_string_to_metric_families
from wire_calls import Caller, fresh


def test_the_process_says_that_it_is_alive(app: Caller) -> None:
    """Without a key."""
    answer = app.http.get("/healthz", headers={"authorization": ""})
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_readiness_says_what_an_acknowledgement_is_worth(app: Caller) -> None:
    """Durability with its reason, the model, and the shops."""
    answer = app.http.get("/readyz", headers={"authorization": ""})
    assert answer.status_code == 200
    ready = answer.json()
    assert ready["is_ready"] is True
    assert ready["store"] == "up"
    assert ready["durability"] == "durable"
    assert ready["why"]
    assert ready["model"]
    assert ready["shops"] == ["demo", "rival"]


def test_metrics_are_an_exposition_without_personal_labels(app: Caller) -> None:
    """Parsed by the client library; no label has a value that a customer chose."""
    conversation = fresh("metric")
    app.say(conversation, "多久发货", user_id="c1005")
    answer = app.http.get("/metrics", headers={"authorization": ""})
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(answer.text))
    assert {"tidegate_messages", "tidegate_ack_duration_seconds"} <= {
        family.name for family in families
    }
    values = {
        value
        for family in families
        for sample in family.samples
        for value in sample.labels.values()
    }
    assert not any("metric-" in value or "c1005" in value for value in values)


class _Loads(HTMLParser):
    """Everything a page makes a browser load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href", "action", "srcset", "poster") and value:
                self.found.append(value)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("page", ["/", "/desk", "/lab", "/docs"])
def test_a_page_loads_only_from_here_and_all_of_it_is_there(
    app: Caller, page: str
) -> None:
    """Every address in it is relative to this host, and answers 200."""
    answer = app.http.get(page)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    parser = _Loads()
    parser.feed(answer.text)
    loaded = [link for link in parser.found if not link.startswith(("#", "data:"))]
    assert loaded
    own = urlsplit(app.stack.url).netloc
    for link in loaded:
        address = urljoin(f"{app.stack.url}{page}", link)
        assert urlsplit(address).netloc == own, link
        assert app.http.get(address).status_code == 200, link
    scripts = " ".join(parser.texts)
    assert not re.search(r"https?://(?!127\.0\.0\.1)[a-z]", scripts)


@pytest.mark.parametrize("page", ["/", "/desk", "/lab"])
def test_a_page_may_load_nothing_else(app: Caller, page: str) -> None:
    """The policy would stop a foreign script even if one got in."""
    policy = app.http.get(page).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert "unsafe" not in policy


def test_the_api_is_described_by_a_valid_document(app: Caller) -> None:
    """OpenAPI 3.1; every reference inside it resolves; every problem is there."""
    answer = app.http.get("/docs/openapi.json")
    assert answer.status_code == 200
    document = answer.json()
    assert document["openapi"].startswith("3.1")
    for reference in re.findall(r'"\$ref":\s*"#/([^"]+)"', answer.text):
        node = document
        for part in reference.split("/"):
            node = node[part]
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)
    sending = document["paths"]["/v1/conversations/{conversation_id}/messages"]["post"]
    assert {"200", "202", "400", "401", "403", "409", "413", "429", "503"} <= set(
        sending["responses"]
    )
    assert "application/problem+json" in sending["responses"]["429"]["content"]
    names = [one["title"] for one in document["components"]["schemas"].values()]
    calls = [
        call["operationId"]
        for path in document["paths"].values()
        for call in path.values()
        if isinstance(call, dict)
    ]
    # A generator makes a class of each schema and a function of each call.
    assert len(set(names)) == len(names)
    assert len(set(calls)) == len(calls)
    assert "conversations_messages_post_message" in calls


def test_what_is_not_a_page_is_not_served(app: Caller) -> None:
    """The folders of pages and of the API page give nothing around them."""
    for path in (
        "/web/../app.py",
        "/web/%2e%2e/app.py",
        "/web/..%2f..%2fpyproject.toml",
        "/docs-assets/../../../etc/passwd",
        "/web/",
        "/web",
    ):
        answer = app.http.get(path)
        assert answer.status_code in (404, 405), path
