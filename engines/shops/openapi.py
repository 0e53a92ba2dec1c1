"""
A shop's operations as its OpenAPI document describes them, over HTTP with JSON.

The document (3.0 or 3.1, JSON or YAML) says method, path and parameters; where the
shop is, the configuration says, never the document. A mapping is checked against the
document when it is loaded: an operation that is not there, a required parameter that
is given nothing, an argument that it does not know, a read that is a PUT.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import httpx
import msgspec

from engines.shops.http import unanswered
from engines.shops.mapped import MappedShop, Refused
from engines.shops.mapping import Operation, ShopMapping
from engines.shops.port import ShopUnavailable
from engines.shops.wire import segment
from engines.yamlfile import BadFile, Document, Problem, nearest, read


#: Connections to one shop; more callers wait for a free one.
MAX_CONNECTIONS = 32
#: A longer answer is not read to its end.
MAX_ANSWER_BYTES = 4 * 1024 * 1024
_SERVER_ERROR = 500
_CLIENT_ERROR = 400
_REDIRECT = 300
_METHODS = ("get", "post", "put", "patch", "delete")
#: Methods that promise to change nothing.
_SAFE = frozenset({"get"})
#: Reads may also be asked by POST, for questions that need a body.
_READS = _SAFE | {"post"}


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """
    One operation of a document.

    Attributes:
        places: Parameter to where it goes: path, query or header.

        required: Parameters that must be given.

        fields: Required fields of the JSON body.
    """

    method: str
    path: str
    places: dict[str, str]
    required: frozenset[str]
    fields: frozenset[str]


class OpenApiShop(MappedShop):
    """
    A shop behind the operations of an OpenAPI document.

    Use it as an async context manager.

    Args:
        timeout_s: For a whole call; after it the outcome of an effect is unknown.
    """

    def __init__(
        self,
        mapping: ShopMapping,
        endpoints: Mapping[str, Endpoint],
        base_url: str,
        api_key: str,
        timeout_s: float = 3.0,
    ) -> None:
        self._calls = _Calls(mapping, endpoints, base_url, api_key, timeout_s)
        super().__init__(mapping, self._calls)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._calls.client.aclose()


def described(
    mapping: ShopMapping, document: Document, folder: Path
) -> dict[str, Endpoint]:
    """
    The endpoints of all operations that the mapping names.

    Raises:
        BadFile: If mapping and document do not fit, with all that is wrong.
    """
    described = read(folder / mapping.openapi)
    endpoints = dict(_endpoints(described.data))
    problems: list[Problem] = []
    for name, operation in mapping.operations.items():
        endpoint = endpoints.get(operation.operation)
        if endpoint is None:
            fix = nearest(operation.operation, endpoints)
            text = f"{mapping.openapi} has no operation {operation.operation!r}"
            place = ("operations", name, "operation")
            problems.append(document.problem(text, *place, fix=fix))
            continue
        problems += _misfits(name, operation, endpoint, document)
    if problems:
        raise BadFile(problems)
    return endpoints


def _misfits(
    name: str, operation: Operation, endpoint: Endpoint, document: Document
) -> Iterator[Problem]:
    place = ("operations", name)
    is_right = endpoint.method in (
        _READS if operation.kind == "read" else set(_METHODS) - _SAFE
    )
    if not is_right:
        text = f"what is {operation.kind!r} cannot be a {endpoint.method.upper()}"
        yield document.problem(text, *place, "operation", fix="map another operation")
    for argument in operation.arguments:
        if argument not in endpoint.places:
            text = f"{operation.operation!r} has no parameter {argument!r}"
            fix = nearest(argument, endpoint.places)
            yield document.problem(text, *place, "arguments", argument, fix=fix)
    for needed in sorted(endpoint.required - operation.arguments.keys()):
        text = f"{operation.operation!r} needs the parameter {needed!r}"
        yield document.problem(text, *place, fix=f"add it to arguments of {name!r}")
    if isinstance(operation.body, dict):
        for needed in sorted(endpoint.fields - operation.body.keys()):
            text = f"the body of {operation.operation!r} needs {needed!r}"
            yield document.problem(text, *place, "body", fix="add it")


def _endpoints(tree: Any) -> Iterator[tuple[str, Endpoint]]:
    """Every operation with an id; what is malformed is as if it were not there."""
    for path, item in _object(_object(tree).get("paths")).items():
        for method in _METHODS:
            operation = _object(_object(item).get(method))
            name = operation.get("operationId")
            if isinstance(name, str):
                yield name, _endpoint(tree, path, method, _object(item), operation)


def _endpoint(
    tree: Any, path: str, method: str, item: dict[str, Any], operation: dict[str, Any]
) -> Endpoint:
    listed = [*_list(item.get("parameters")), *_list(operation.get("parameters"))]
    parameters = [_resolved(tree, one) for one in listed]
    body = _resolved(tree, operation.get("requestBody"))
    content = _object(_object(body.get("content")).get("application/json"))
    schema = _resolved(tree, content.get("schema"))
    return Endpoint(
        method=method,
        path=path,
        places={str(one.get("name")): str(one.get("in")) for one in parameters},
        required=frozenset(
            str(one.get("name")) for one in parameters if one.get("required") is True
        ),
        fields=frozenset(map(str, _list(schema.get("required")))),
    )


def _resolved(tree: Any, node: Any) -> dict[str, Any]:
    """A node, or what its reference within the document names."""
    reference = _object(node).get("$ref")
    if not isinstance(reference, str):
        return _object(node)
    found = tree
    for step in reference.removeprefix("#/").split("/"):
        found = _object(found).get(step.replace("~1", "/").replace("~0", "~"))
    return _object(found)


def _object(node: Any) -> dict[str, Any]:
    return node if isinstance(node, dict) else {}


def _list(node: Any) -> list[Any]:
    return node if isinstance(node, list) else []


class _Calls:
    """Calls the endpoints of one shop over a pooled client."""

    def __init__(
        self,
        mapping: ShopMapping,
        endpoints: Mapping[str, Endpoint],
        base_url: str,
        api_key: str,
        timeout_s: float,
    ) -> None:
        self._endpoints = endpoints
        header = mapping.key_header
        self.client = httpx.AsyncClient(
            base_url=base_url,
            headers={header: api_key}
            if header
            else {"Authorization": f"Bearer {api_key}"},
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
            follow_redirects=False,
            trust_env=False,
        )

    async def call(
        self, operation: Operation, arguments: dict[str, Any], body: Any
    ) -> Any:
        """Call one operation of the document."""
        endpoint = self._endpoints[operation.operation]
        with unanswered(endpoint.method):
            async with self.client.stream(
                endpoint.method.upper(),
                _path(endpoint, arguments),
                params=_in("query", endpoint, arguments),
                headers=_in("header", endpoint, arguments),
                json=body,
            ) as reply:
                return _answer(reply.status_code, await _content(reply))


def _path(endpoint: Endpoint, arguments: Mapping[str, Any]) -> str:
    path = endpoint.path
    for name, value in arguments.items():
        if endpoint.places[name] == "path":
            path = path.replace(f"{{{name}}}", segment(str(value)))
    return path


def _in(
    place: str, endpoint: Endpoint, arguments: Mapping[str, Any]
) -> dict[str, str] | None:
    chosen = {
        name: str(value)
        for name, value in arguments.items()
        if endpoint.places[name] == place
    }
    return chosen or None


async def _content(reply: httpx.Response) -> bytes:
    content = b""
    async for chunk in reply.aiter_bytes():
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            raise ShopUnavailable(f"the answer has over {MAX_ANSWER_BYTES} bytes")
    return content


def _answer(status: int, content: bytes) -> Any:
    if status >= _SERVER_ERROR or _REDIRECT <= status < _CLIENT_ERROR:
        raise ShopUnavailable(f"the shop answered {status}")
    try:
        answer = msgspec.json.decode(content) if content else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ShopUnavailable(f"{status} without JSON") from exc
    if status >= _CLIENT_ERROR:
        raise Refused(answer)
    return answer
