"""Let FastAPI speak msgspec: strict bodies in, structs out, and their schemas in the document."""

from __future__ import annotations

import errno
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from nanochat_host.core.calls import JSON, MSGPACK
from nanochat_host.core.wire import ErrorBody
from nanochat_host.errors import NanochatCliError, UsageError, way_out

logger = logging.getLogger(__name__)
T = TypeVar("T")
MAX_BODY_BYTES = 1024 * 1024
MAX_ERROR_CHARS = 1000
_ASKERS = (errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR)
"""What a system says of names that cannot be; of anything else the asker is innocent."""
_REF = "#/components/schemas/{name}"


class BodyTooLargeError(UsageError):
    """A request body no client of ours would send."""

    code, status = "too_large", 413


def reply(value: object, status: int = 200, kind: str = JSON) -> Response:
    """A struct as a response."""
    encode = msgspec.msgpack.encode if kind == MSGPACK else msgspec.json.encode
    return Response(encode(value), status, media_type=kind)


def body_of(kind: type[T], media: str = JSON) -> Callable[[Request], Awaitable[T]]:
    """A dependency that decodes the request's body strictly. Raises UsageError."""
    decode = (msgspec.msgpack.Decoder if media == MSGPACK else msgspec.json.Decoder)(kind).decode

    async def read(request: Request) -> T:
        raw = bytearray()
        async for piece in request.stream():
            raw += piece
            if len(raw) > MAX_BODY_BYTES:
                raise BodyTooLargeError(f"the body is larger than {MAX_BODY_BYTES} bytes")
        try:
            return decode(bytes(raw))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError(f"{request.url.path}: {error}", f"send {kind.__name__}") from None

    return read


class Doc:
    """Collects the types of all routes, so that the document can describe them."""

    def __init__(self) -> None:
        self._types: list[Any] = [ErrorBody]

    def __call__(
        self, answer: Any, body: Any = None, *, media: str = JSON, status: int = 200
    ) -> dict[str, Any]:
        """Arguments for a route decorator: how its bodies look."""
        self._types += [answer] if body is None else [answer, body]
        extra: dict[str, Any] = {}
        if body is not None:
            content = {media: {"schema": _schema(body)}}
            extra["requestBody"] = {"required": True, "content": content}
        answer_media = "text/event-stream" if media == "text/event-stream" else media
        return {
            "openapi_extra": extra,
            "response_model": None,
            "response_class": Response,
            "status_code": status,
            "responses": {
                status: {
                    "description": "done",
                    "content": {answer_media: {"schema": _schema(answer)}},
                },
                "default": {
                    "description": "refused",
                    "content": {JSON: {"schema": _schema(ErrorBody)}},
                },
            },
        }

    def document(self, app: FastAPI) -> dict[str, Any]:
        """The OpenAPI document, with every struct as a component."""
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        _, components = msgspec.json.schema_components(self._types, ref_template=_REF)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(components)
        return document


def _schema(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REF)
    return schema


def answer_errors(app: FastAPI) -> None:
    """Every answer that is not 2xx is an ErrorBody."""

    @app.exception_handler(NanochatCliError)
    async def ours(_: Request, error: NanochatCliError) -> Response:
        return _refusal(error.code, error.message, error.hint, error.status)

    @app.exception_handler(RequestValidationError)
    async def parameters(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        if first["type"] == "string_pattern_mismatch":
            hint = "a name is letters, digits, `.`, `_` and `-`"
            return _refusal("usage", f"`{where}` cannot be `{first['input']}`", hint, 422)
        return _refusal("usage", f"parameter `{where}`: {first['msg']}", "", 422)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        code = {404: "not_found", 405: "usage"}.get(error.status_code, "failed")
        what = f"{request.method} {request.url.path}: {error.detail}"
        return _refusal(code, what, "see /openapi.json", error.status_code)

    @app.exception_handler(OSError)
    async def system(request: Request, error: OSError) -> Response:
        what = f"{error.filename or request.url.path}: {error.strerror or error}"
        if error.errno in _ASKERS:
            return _refusal("usage", what, "give another name", 422)
        logger.error("%s %s", request.method, request.url.path, exc_info=error)
        return _refusal("failed", what, way_out(error) or "see logs/core.jsonl", 500)

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> Response:
        logger.error("%s %s", request.method, request.url.path, exc_info=error)
        what = f"the core failed at {request.method} {request.url.path}: {type(error).__name__}"
        return _refusal("internal", what, "see logs/core.jsonl", 500)


def _refusal(code: str, message: str, hint: str, status: int) -> Response:
    return reply(ErrorBody(code, _line(message), _line(hint)), status)


def _line(text: str) -> str:
    """One line of visible characters: an error may quote whatever a request held."""
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return shown if len(shown) <= MAX_ERROR_CHARS else f"{shown[: MAX_ERROR_CHARS - 1]}…"
