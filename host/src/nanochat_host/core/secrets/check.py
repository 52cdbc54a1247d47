"""Ask a service whose token it is. Nothing of the token is in any error."""

from __future__ import annotations

import base64
import json
import os
import urllib.error
import urllib.request
from typing import Any

from nanochat_host.core.secrets.kinds import Hidden, Kind
from nanochat_host.errors import CoreUnavailableError, RefusedError

TIMEOUT_S = 10.0
MAX_BYTES = 1024 * 1024


class UnreachableError(CoreUnavailableError):
    """The service did not answer, or not as it should."""

    code = "unreachable"


def wandb_url() -> str:
    """W&B's API; `WANDB_BASE_URL` names one's own server."""
    return os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai").rstrip("/")


def hf_url() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def check_token(kind: Kind, token: Hidden) -> str:
    """The account's name at the service. Raises RefusedError if the token is not good,
    UnreachableError if nobody could be asked."""
    login = f"nanochat-cli auth login {kind.name}"
    try:
        return _account(kind, token)
    except UnreachableError as error:
        hint = f"check the network, or keep it without asking: `{login} --no-check`"
        raise UnreachableError(error.message, hint) from None
    except RefusedError as error:
        raise RefusedError(error.message, f"get another at {kind.page}, then `{login}`") from None


def _account(kind: Kind, token: Hidden) -> str:
    if kind.name == "wandb":
        query = {"query": "query { viewer { username entity } }"}
        answer = ask(f"{wandb_url()}/graphql", wandb_headers(token), query, title=kind.title)
        viewer = (answer.get("data") or {}).get("viewer")
        if not viewer:
            raise _refused(kind.title)
        return str(viewer.get("username") or viewer.get("entity") or "")
    headers = {"Authorization": f"Bearer {token.reveal()}"}
    answer = ask(f"{hf_url()}/api/whoami-v2", headers, None, title=kind.title)
    return str(answer.get("name", ""))


def wandb_headers(token: Hidden) -> dict[str, str]:
    """Basic authentication as W&B wants it."""
    raw = base64.b64encode(f"api:{token.reveal()}".encode()).decode()
    return {"Authorization": f"Basic {raw}"}


def ask(url: str, headers: dict[str, str], body: Any, *, title: str) -> dict[str, Any]:
    """A JSON request: POST if there is a body. Raises RefusedError or UnreachableError."""
    data = None if body is None else json.dumps(body).encode()
    headers = {**headers, "Content-Type": "application/json", "User-Agent": "nanochat-cli"}
    request = urllib.request.Request(url, data, headers)
    try:
        with _OPENER.open(request, timeout=TIMEOUT_S) as response:
            answer = json.loads(response.read(MAX_BYTES))
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (401, 403):
            raise _refused(title) from None
        raise UnreachableError(
            f"{title} answered {error.code} {error.reason}", "try again later"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise UnreachableError(
            f"{title} is out of reach at {url.split('/', 3)[2]}: {reason}",
            "check the network; runs go on and are kept here",
        ) from None
    if not isinstance(answer, dict):
        raise UnreachableError(f"{title} gave an answer that makes no sense", "try again later")
    return answer


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to wherever it points."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def _refused(title: str) -> RefusedError:
    return RefusedError(
        f"{title} refuses the token", "get a new one, then `nanochat-cli auth login`"
    )
