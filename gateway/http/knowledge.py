"""
A shop's knowledge as its desk sees it: documents, search, upload, removal.

The shop comes from the session. Whoever is signed in may look; supervisors may
change. Files larger than an upload may be go through ``tidegate kb ingest``.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from typing import Annotated, Final

import msgspec
from litestar import Controller, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, QueryParameter
from litestar.types import ControllerRouterHandler

from engines.retrieval.ingest.run import Outcome
from engines.retrieval.ingest.shelf import Document
from engines.retrieval.review import Finding
from gateway.errors import Forbidden, NotFound
from gateway.handoff.accounts import Session
from gateway.http.audit import audited, on_record
from gateway.http.bodies import BadField
from gateway.librarian import Librarian, Shelved


#: Largest upload, as base64 in a JSON body.
MAX_UPLOAD: Final = 12 * 2**20
_NAME: Final = re.compile(r"[^/\\\x00-\x1f.][^/\\\x00-\x1f]{0,119}").fullmatch
_K: Final = 5

Query = Annotated[str, QueryParameter(min_length=1, max_length=500)]
Name = Annotated[str, QueryParameter(min_length=1, max_length=300)]


class KnowledgeOut(msgspec.Struct, frozen=True, kw_only=True):
    """
    What was ingested.

    Attributes:
        generation: Rises with every change.
    """

    generation: int
    documents: tuple[Document, ...]


class UploadIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    A file to ingest.

    Attributes:
        name: With its ending, which tells its kind; one of this name is replaced.

        content: The bytes, base64.
    """

    name: str
    content: str


class PassageOut(msgspec.Struct, frozen=True, kw_only=True):
    """A passage that was found; *source* says where it stands."""

    id: str
    title: str
    text: str
    source: str
    coverage: float


class FoundOut(msgspec.Struct, frozen=True, kw_only=True):
    """
    Passages for a question, best first.

    Attributes:
        confidence: That the first one answers, 0 to 1.
    """

    confidence: float
    passages: tuple[PassageOut, ...]


class KnowledgeController(Controller):
    """Documents of the operator's shop."""

    path = "/v1/knowledge"
    tags = ("knowledge",)
    security = ({"desk": []},)
    dependencies = {"session": Provide(on_record)}  # noqa: RUF012 - Litestar reads it

    @get(summary="Ingested documents")
    async def documents(
        self, session: NamedDependency[Session], librarian: NamedDependency[Librarian]
    ) -> KnowledgeOut:
        """Names, sizes, passages and the time each was ingested."""
        manifest = _of(librarian, session).knowledge.shelf.manifest()
        return KnowledgeOut(
            generation=manifest.generation, documents=manifest.documents
        )

    @get("/search", summary="Find passages for a question")
    async def search(
        self,
        session: NamedDependency[Session],
        librarian: NamedDependency[Librarian],
        q: Query,
    ) -> FoundOut:
        """What customers would be answered from; changes nothing."""
        shelved = _of(librarian, session)
        found = shelved.engine.find(q, "zh", k=_K)
        told = shelved.knowledge.told
        return FoundOut(
            confidence=found.confidence,
            passages=tuple(
                PassageOut(
                    id=hit.passage.id,
                    title=hit.passage.title,
                    text=hit.passage.text,
                    source=told(
                        f"{hit.passage.path}: {hit.passage.place}".rstrip(": ")
                    ),
                    coverage=hit.coverage,
                )
                for hit in found.hits
            ),
        )

    @get("/check", summary="Find contradictions, expired passages and duplicates")
    async def check(
        self, session: NamedDependency[Session], librarian: NamedDependency[Librarian]
    ) -> list[Finding]:
        """Of all documents, ingested or not; suspicions for a person to settle."""
        _of(librarian, session)
        return await librarian.check(session.who.shop)

    @post(
        status_code=200,
        summary="Ingest a file",
        request_max_body_size=MAX_UPLOAD,
        opt=audited("knowledge_put", "name"),
    )
    async def upload(
        self,
        data: JSONBody[UploadIn],
        session: NamedDependency[Session],
        librarian: NamedDependency[Librarian],
    ) -> Outcome:
        """Served by every worker within seconds; *refused* has the reason."""
        _of(librarian, session, changes=True)
        if not _NAME(data.name):
            raise BadField("a file's name without folders", "name")
        try:
            content = b64decode(data.content, validate=True)
        except (binascii.Error, ValueError) as exc:
            raise BadField("not base64", "content") from exc
        return await librarian.put(session.who.shop, data.name, content)

    @delete(
        status_code=200,
        summary="Remove a document",
        opt=audited("knowledge_remove"),
    )
    async def remove(
        self,
        session: NamedDependency[Session],
        librarian: NamedDependency[Librarian],
        name: Name,
    ) -> Outcome:
        """By its name; a folder's documents too."""
        _of(librarian, session, changes=True)
        outcome = await librarian.remove(session.who.shop, name)
        if outcome.status == "refused":
            raise NotFound(f"no document {name[:100]!r}")
        return outcome


def _of(librarian: Librarian, session: Session, *, changes: bool = False) -> Shelved:
    """
    The knowledge of the operator's shop.

    Raises:
        Forbidden: If an operator would change it.
    """
    if changes and not session.who.is_supervisor:
        raise Forbidden("only supervisors may change the knowledge")
    found = librarian.shelved(session.who.shop)
    if found is None:
        raise NotFound("the shop has no knowledge here")
    return found


def knowledge_routes() -> list[ControllerRouterHandler]:
    """Routes of the knowledge; they ask for ``librarian`` by name."""
    return [KnowledgeController]
