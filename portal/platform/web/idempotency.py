"""`Idempotency-Key`: claim, effect and stored answer commit in one transaction (CONTRACT 1)."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import IO, Any
from urllib.parse import urlencode

from flask import Response, current_app, g, request
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException

from portal.platform import clock
from portal.platform.models import IdempotencyKey
from portal.platform.problems import Conflict, DomainError, InvalidInput, wants_json

KEPT_HEADERS = (
    "Content-Type",
    "Location",
    "Retry-After",
    "HX-Location",
    "HX-Redirect",
    "HX-Reselect",
    "HX-Reswap",
    "HX-Retarget",
    "HX-Trigger",
)
KEPT = timedelta(hours=24)
NEVER_STORED = frozenset({401, 429})


class KeyReused(InvalidInput):
    """The same key came with another body or route."""

    code = "idempotency_key_reused"
    title = "This Idempotency-Key was used for another request"

    def __init__(self) -> None:
        super().__init__(("Idempotency-Key", "was used for another request"))


class InFlight(Conflict):
    """The first request with this key has not been answered yet."""

    code = "idempotency_in_flight"
    title = "A request with this Idempotency-Key is in flight"

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


def wanted() -> bool:
    """Whether this request asks to be carried out once: a POST with a key, by a known principal."""
    return request.method == "POST" and bool(g.get("idempotency_owner")) and _key() is not None


def never_store() -> None:
    """Do not keep the answer to the current request: it shows a secret once."""
    g.never_stored = True


def answer_once(session: Session, view: Callable[[], Response]) -> Response:
    """The stored answer for this key, else the view's answer, which is stored together with its effect.

    A refusal of the API is stored too; one of a form is not, so that the corrected form may come with the same key.

    :raises InvalidInput: if the key is empty, too long or contains NUL.
    :raises InFlight: if another request holds the key now.
    :raises KeyReused: if the key was stored for another request.
    """
    key, principal = _key() or "", g.idempotency_owner
    if not 1 <= len(key) <= 255 or "\x00" in key:
        raise InvalidInput(("Idempotency-Key", "must have 1 to 255 characters"))
    lock = func.pg_try_advisory_xact_lock(func.hashtextextended(f"{principal}\x1f{key}", 0))
    if not session.scalar(select(lock)):
        raise InFlight
    stored = session.get(IdempotencyKey, (principal, key))
    if stored is not None and stored.created_at > clock.now() - KEPT:
        return _replay(stored)
    if stored is not None:
        session.delete(stored)
        session.flush()
    response = _run(session, view)
    if _is_kept(response.status_code):
        session.add(_stored(principal, key, response))
        session.flush()
    return response


def _is_kept(status: int) -> bool:
    if status in NEVER_STORED or status >= 500 or g.get("never_stored"):
        return False
    return status < 400 or wants_json()


def _key() -> str | None:
    """The key in the header, else in the form's field `idempotency_key`."""
    return request.headers.get("Idempotency-Key", request.form.get("idempotency_key"))


def _run(session: Session, view: Callable[[], Response]) -> Response:
    savepoint = session.begin_nested()
    try:
        response = view()
    except (DomainError, HTTPException) as error:
        savepoint.rollback()
        return current_app.make_response(current_app.handle_user_exception(error))
    savepoint.commit()
    return response


def _fingerprint() -> bytes:
    parts = (
        request.method.encode(),
        request.full_path.encode(),
        request.mimetype.encode(),
        _content(),
    )
    return hashlib.sha256(b"\x1f".join(parts)).digest()


def _content() -> bytes:
    """The body; for a form its fields and files without the CSRF token, because parsing has consumed the body."""
    fields = [field for field in request.form.items(multi=True) if field[0] != "csrf_token"]
    fields += [(name, _digest(file.stream)) for name, file in request.files.items(multi=True)]
    return urlencode(fields).encode() if fields else request.get_data()


def _digest(stream: IO[bytes]) -> str:
    """The SHA-256 hash of a file, which is rewound to its beginning afterwards."""
    stream.seek(0)
    digest = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]  # uploads have `readinto`, which IO does not promise
    stream.seek(0)
    return digest


def _stored(principal: str, key: str, response: Response) -> IdempotencyKey:
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    return IdempotencyKey(
        principal=principal,
        key=key,
        fingerprint=_fingerprint(),
        status=response.status_code,
        headers=headers,
        body=response.get_data(),
        created_at=clock.now(),
    )


def _replay(stored: IdempotencyKey) -> Response:
    if stored.fingerprint != _fingerprint():
        raise KeyReused
    headers: dict[str, Any] = {**stored.headers, "Idempotent-Replayed": "true"}
    return Response(stored.body, stored.status, headers)
