"""
Every documented operation of the running gateway, called with what its own
description allows and forbids: no fault of ours, and answers as described.
"""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from wire_calls import Caller


pytestmark = pytest.mark.timeout(240)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
#: What the description allows, and what it forbids.
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


Operation = APIOperation[Any, Any, Any, Any]


def operations_of(document: dict[str, Any], url: str) -> list[Operation]:
    """The operations that a description describes."""
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=url)
    results = list(schema.get_all_operations())
    assert all(isinstance(result, Ok) for result in results)
    return [result.ok() for result in results if isinstance(result, Ok)]


@pytest.fixture(scope="session")
def document(app: Caller) -> dict[str, Any]:
    """What the running gateway says of itself."""
    found: dict[str, Any] = app.http.get("/docs/openapi.json").json()
    return found


@pytest.fixture(scope="session")
def operations(document: dict[str, Any], app: Caller) -> list[Operation]:
    """Every operation, as the running gateway describes it."""
    return operations_of(document, app.stack.url)


def failures_of(
    operation: Operation, statuses: Counter[int] | None = None, **call: Any
) -> list[str]:
    """Call an operation in many ways; what was not as described."""
    found: list[str] = []
    for mode in MODES:

        @EXAMPLES
        @given(case=operation.as_strategy(generation_mode=mode))
        def calls(case: Case[Any]) -> None:
            try:
                answer = case.call_and_validate(checks=CHECKS, timeout=30, **call)
                if statuses is not None:
                    statuses[answer.status_code] += 1
            except FailureGroup as group:
                found.extend(f"{operation.label}: {e}" for e in group.exceptions)

        try:
            calls()
        except Unsatisfiable:
            # Some operations have nothing that could be wrong.
            assert mode is GenerationMode.NEGATIVE
    return found


def check(operations: list[Operation], prefix: str, **call: Any) -> None:
    """Every operation under *prefix* holds to its description."""
    chosen = [one for one in operations if one.path.startswith(prefix)]
    assert len(chosen) > 3
    found = [line for one in chosen for line in failures_of(one, **call)]
    assert found == [], "\n\n".join(dict.fromkeys(found))


def test_customer_and_system_operations(
    operations: list[Operation], app: Caller
) -> None:
    """With the key of a channel."""
    customers = [one for one in operations if not one.path.startswith("/v1/desk")]
    check(customers, "/", headers={"authorization": f"Bearer {app.key}"})


def test_the_calls_get_through_and_the_checks_can_fail(
    document: dict[str, Any], app: Caller
) -> None:
    """Messages are really answered and refused; an undescribed refusal is found."""
    headers = {"authorization": f"Bearer {app.key}"}
    path = "/v1/conversations/{conversation_id}/messages"
    statuses: Counter[int] = Counter()
    (honest,) = [
        one for one in operations_of(document, app.stack.url) if one.path == path
    ]
    assert failures_of(honest, statuses, headers=headers) == []
    assert statuses[200]
    assert statuses[400]
    lying = copy.deepcopy(document)
    del lying["paths"][path]["post"]["responses"]["400"]
    (planted,) = [
        one for one in operations_of(lying, app.stack.url) if one.path == path
    ]
    assert any("400" in line for line in failures_of(planted, headers=headers))


def test_desk_operations(operations: list[Operation], operator: httpx.Client) -> None:
    """With the session of an operator, who does not sign out."""
    staying = [one for one in operations if one.method != "delete"]
    token = {"x-csrf-token": operator.headers["x-csrf-token"]}
    check(staying, "/v1/desk", headers=token, cookies=dict(operator.cookies))


def test_strangers_are_refused_as_described(
    operations: list[Operation],
) -> None:
    """No key, no session: refusals, never faults."""
    check(operations, "/v1")
