"""Accounts as the core offers them: log in, look, import, forget, and hand over."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from nanochat_host import scrub
from nanochat_host.core import wire_outside as wire
from nanochat_host.core.secrets import handover, parse
from nanochat_host.core.secrets.check import check_token
from nanochat_host.core.secrets.kinds import KINDS, Hidden, checked, kind_of
from nanochat_host.core.secrets.needs import needs
from nanochat_host.core.secrets.store import Keyring, SecretStore, find_keyring
from nanochat_host.core.wire import RunRecord
from nanochat_host.errors import NanochatCliError, NotFoundError
from nanochat_host.paths import Paths

logger = logging.getLogger(__name__)


class Secrets:
    """Everything blocks on a keyring or a disk, so everything runs beside the loop."""

    def __init__(self, paths: Paths, keyring: Keyring | None = None) -> None:
        self._paths = paths
        self._keyring = keyring
        self._store: SecretStore | None = None

    @property
    def store(self) -> SecretStore:
        """Opened at first use: looking for a keyring takes a while."""
        if self._store is None:
            self._store = SecretStore(self._paths.secrets_json, self._keyring or find_keyring())
        return self._store

    def all(self) -> list[wire.AccountInfo]:
        """Every account, with or without a token."""
        entries = self.store.entries()
        given = handover.environment()
        out = []
        for kind in KINDS.values():
            entry = entries.get(kind.name)
            in_env = next((e for e in (kind.env, *kind.aliases) if given.get(e)), "")
            info = wire.AccountInfo(kind.name, kind.title, kind.env, page=kind.page)
            if entry is not None:
                info.where, info.origin, info.saved_at = entry.where, entry.origin, entry.saved_at
            elif in_env:
                info.where, info.origin = "environment", in_env
            out.append(info)
        return out

    def login(self, wish: wire.Login) -> wire.AccountInfo:
        """Keep a token. Raises UsageError if it cannot be one, RefusedError if the service that
        issued it was asked and says no."""
        kind = kind_of(wish.account)
        token = checked(kind, wish.token)
        scrub.register(token.reveal(), kind.env)
        account = check_token(kind, token) if wish.check else ""
        self.store.put(kind.name, token, wish.origin or "typed in")
        logger.info("token saved", extra={"account": kind.name})
        return self._info(kind.name, account)

    def check(self, name: str) -> wire.AccountInfo:
        """Ask the service whose token it is. Raises NotFoundError, RefusedError or
        CoreUnavailableError."""
        kind = kind_of(name)
        token = self.get(name)
        if token is None:
            raise NotFoundError(
                f"there is no token for {kind.title}", f"`nanochat-cli auth login {name}`"
            )
        return self._info(name, check_token(kind, token))

    def forget(self, name: str) -> wire.AccountInfo:
        """Remove a token. Raises NotFoundError."""
        kind = kind_of(name)
        if not self.store.forget(name):
            raise NotFoundError(f"no token for {kind.title} is stored")
        logger.info("token removed", extra={"account": name})
        return self._info(name)

    def take_over(self, wish: wire.ImportTokens) -> list[wire.ImportedToken]:
        """Import from files (the usual ones if none is named) and variables. The first place
        that has an account's token wins."""
        files = [Path(path) for path in wish.files]
        if not files:
            files = parse.usual_places(Path.home(), [Path(path) for path in wish.folders])
        found = parse.tokens_in_environment(wish.environ)
        for path in files:
            found += parse.tokens_in_file(path)
        out: list[wire.ImportedToken] = []
        for item in found:
            first = item.kind.name not in {t.account for t in out if t.saved}
            if first:
                scrub.register(item.token.reveal(), item.kind.env)
                self.store.put(item.kind.name, item.token, item.origin)
            out.append(wire.ImportedToken(item.kind.name, item.origin, item.warning, first))
        return out

    def get(self, name: str) -> Hidden | None:
        """A token: ours, else the environment's."""
        kind = kind_of(name)
        stored = self.store.get(name)
        if stored is not None:
            return stored
        given = handover.environment()
        value = next((given[e] for e in (kind.env, *kind.aliases) if given.get(e)), "")
        return Hidden(value) if value else None

    def wandb(self) -> Hidden | None:
        """The token a run logs in to W&B with. A store that cannot be read has none."""
        try:
            return self.get("wandb")
        except (NanochatCliError, OSError):
            return None

    def has(self, name: str) -> bool:
        """Whether a token is stored. A store that cannot be read has none."""
        try:
            return self.store.get(name) is not None
        except (NanochatCliError, OSError):
            return False

    async def for_steps(self, record: RunRecord) -> list[dict[str, str]]:
        """What each command of a run gets. A store that cannot be read costs the tokens, not the
        run: a trainer without W&B says so itself."""
        wanted = [needs(step) for step in record.steps]
        tokens: dict[str, str] = {}
        for name in set().union(*wanted):
            try:
                token = await asyncio.to_thread(self.store.get, name)
            except (NanochatCliError, OSError) as error:
                logger.warning("no token handed over: %s", error)
                continue
            if token is not None:
                tokens[name] = token.reveal()
                scrub.register(token.reveal(), KINDS[name].env)
        return [{KINDS[n].env: tokens[n] for n in names if n in tokens} for names in wanted]

    def _info(self, name: str, account: str = "") -> wire.AccountInfo:
        info = next(info for info in self.all() if info.account == name)
        info.checked_as = account
        return info
