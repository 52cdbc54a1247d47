"""What the routes about checkpoints do. Methods block: call them in a thread."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any, NamedTuple

from nanochat_host.core import wire_checkpoints as wire
from nanochat_host.core.checkouts import Checkouts
from nanochat_host.core.checkpoints import fit, keep
from nanochat_host.core.checkpoints.catalog import Catalog, Listed
from nanochat_host.core.checkpoints.find import exactly, find
from nanochat_host.core.checkpoints.form import fill
from nanochat_host.core.checkpoints.inspect import inspect
from nanochat_host.core.checkpoints.probes import Probes, ask_about
from nanochat_host.core.checkpoints.results import report_card
from nanochat_host.core.inside import ask_inside, install_torch_hint
from nanochat_host.core.preflight.checkpoint import Begin
from nanochat_host.core.results.card import LogResults, logs_of
from nanochat_host.core.wire import CheckoutRef
from nanochat_host.errors import CannotWriteError, RefusedError, UsageError
from nanochat_host.paths import Paths

PROBE_S = 120.0
RESHARD_S = 1800.0
SPARE_BYTES = 64 * 2**20
Stamp = tuple[tuple[int, int], ...]


class Place(NamedTuple):
    """A checkpoint and the checkout it belongs to."""

    ref: CheckoutRef
    listed: Listed
    stamp: Stamp

    def unchanged(self) -> bool:
        """Its files and its tokenizer are those that were listed; costs microseconds."""
        return _stamp(self.ref, self.listed) == self.stamp


def _stamp(ref: CheckoutRef, listed: Listed) -> Stamp:
    tokenizer = Path(ref.base_dir) / "tokenizer"
    names = ("tokenizer.pkl", "tokenizer.json", "token_bytes.pt")
    files = [file.path for file in listed.files.files] + [tokenizer / name for name in names]
    return tuple(_one_stamp(path) for path in files)


def _one_stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


class Checkpoints:
    """One catalog for all base folders of this home."""

    def __init__(self, paths: Paths, checkouts: Checkouts) -> None:
        self._paths = paths
        self._checkouts = checkouts
        self._catalog = Catalog()
        self._log_results = LogResults()
        self.probes = Probes()
        self._changing = threading.Lock()

    def listing(self, checkout: str) -> wire.CheckpointList:
        """Raises NotFoundError for an unknown checkout."""
        ref = self._ref(checkout)
        return self._catalog.listing(ref.name, Path(ref.base_dir))

    def report(self, checkout: str) -> wire.ReportCard:
        """Evaluations across stages. Raises NotFoundError for an unknown checkout."""
        ref = self._ref(checkout)
        base = Path(ref.base_dir)
        found = self._log_results.read(logs_of(self._paths, ref.name))
        return report_card(ref.name, base, self._catalog.read(base), found)

    def locate(self, checkout: str, word: str) -> Place:
        """The checkpoint a person means. Raises NotFoundError."""
        ref = self._ref(checkout)
        listed = find(self._catalog.read(Path(ref.base_dir)), word, ref.base_dir)
        return Place(ref, listed, _stamp(ref, listed))

    def detail(self, checkout: str, word: str) -> wire.CheckpointDetail:
        """One looked into."""
        return inspect(self.locate(checkout, word).listed)

    def form(self, wish: wire.FormWish) -> wire.FormFill:
        """Options to go on from one. Raises NotFoundError, RefusedError."""
        detail = self.detail(wish.checkout, wish.checkpoint)
        return fill(wish, detail, self._checkouts.read(wish.checkout)[1].stages)

    def check(self, wish: wire.CheckWish) -> wire.CheckReport:
        """Everything that stands between a checkpoint and its use."""
        ref, listed, _ = self.locate(wish.checkout, wish.checkpoint)
        detail = inspect(listed)
        findings = list(detail.findings)
        if listed.meta:
            findings += fit.of_config(listed, Path(ref.path))
            findings += fit.of_tokenizer(listed, Path(ref.base_dir), self._paths.runs)
        loads = all(f.severity != "error" or f.code == "config_keys" for f in findings)
        question = self._question(ref, listed, detail, wish)
        known = wish.probe or self.probes.knows(ref, question)
        probed = known and loads and bool(detail.tensors)
        if probed:
            answer = self.probes.ask(ref, question, PROBE_S)
            if answer.get("sure") and not answer.get("config"):
                findings = [f for f in findings if f.code != "config_keys"]  # it copes with them
            for finding in fit.of_probe(listed.meta, answer):
                if finding.code == "torch_missing":
                    finding.remedy = install_torch_hint(ref)
                findings.append(finding)
        if wish.use == "resume":
            sharded = detail.sharded or detail.world_size > 1
            findings += fit.of_resume(detail, wish.options, wish.nproc, sharded)
        fits = not any(finding.severity == "error" for finding in findings)
        return wire.CheckReport(detail, fits, findings, probed)

    def delete(self, wish: wire.DeleteWish) -> wire.DeletePlan:
        """What would go; with `sure` it goes. Raises UsageError, RefusedError."""
        if bool(wish.checkpoints) == (wish.rule is not None):
            raise UsageError("give ids, or a rule of what to keep", "one of the two")
        if wish.rule is not None and not (wish.rule.last or wish.rule.every or wish.rule.best):
            raise UsageError("a rule that keeps nothing", "say --keep-last N, for example")
        ref = self._ref(wish.checkout)
        with self._changing:
            listed = self._catalog.read(Path(ref.base_dir))
            meant = [
                item
                for item in listed
                if wish.stage in ("", item.info.stage) and wish.tag in ("", item.info.tag)
            ]
            if wish.rule is not None:
                gone = keep.chosen_by(wish.rule, meant)
            else:
                gone = exactly(listed, wish.checkpoints)
            names = {item.info.id for item in gone}
            kept = [item.info for item in meant if item.info.id not in names]
            if wish.sure:
                keep.remove(gone)
        size = sum(item.info.size_bytes for item in gone)
        return wire.DeletePlan([item.info for item in gone], kept, size, wish.sure)

    def reshard(self, wish: wire.ReshardWish) -> wire.ReshardDone:
        """Write the same step for `nproc` processes as a tag of its own. Nothing is left behind
        when it fails. Raises RefusedError, UsageError, NanochatCliError."""
        ref, listed, _ = self.locate(wish.checkout, wish.checkpoint)
        info = listed.info
        if info.state != "whole":
            what = info.problems[0] if info.problems else "it has no optimizer state"
            raise RefusedError(f"{info.id} cannot be converted: {what}", "take another step")
        if info.ranks == wish.nproc:
            raise RefusedError(f"{info.id} is for {wish.nproc} already", "name another number")
        tag = wish.into or f"{info.tag}_w{wish.nproc}"
        target = listed.files.folder.parent / tag
        if target.exists():
            raise RefusedError(f"{target} is there already", "name another tag with --into")
        if shutil.disk_usage(target.parent).free < info.size_bytes + SPARE_BYTES:
            raise RefusedError(f"{target.parent} has no room for {info.size_bytes:,} bytes")
        unfinished = target.with_name(f".{tag}.unfinished")
        with self._changing:
            shutil.rmtree(unfinished, ignore_errors=True)
            try:
                unfinished.mkdir()
                old = self._convert(ref, listed, wish.nproc, unfinished)
                unfinished.rename(target)
            except OSError as error:
                raise CannotWriteError(target, error) from None
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
        made = self.locate(wish.checkout, f"{info.stage}/{tag}/{info.step:06d}").listed.info
        return wire.ReshardDone(made, old, wish.nproc)

    def _convert(self, ref: CheckoutRef, listed: Listed, nproc: int, folder: Path) -> int:
        step = listed.info.step
        question = {
            "config": listed.meta.get("model_config", {}),
            "shards": [str(file.path) for file in listed.files.optimizers],
            "ranks": nproc,
            "out": [str(folder / f"optim_{step:06d}_rank{rank}.pt") for rank in range(nproc)],
        }
        answer = ask_inside(ref, "weights.reshard", question, RESHARD_S)
        if error := answer.get("error"):
            hint = install_torch_hint(ref) if "torch cannot be imported" in error else ""
            raise RefusedError(f"{listed.info.id} cannot be converted: {error}", hint)
        for role in ("model", "meta"):
            file = listed.files.one(role)
            assert file is not None  # it is whole
            shutil.copy2(file.path, folder / file.path.name)
        return int(answer["old"])

    def _question(
        self,
        ref: CheckoutRef,
        listed: Listed,
        detail: wire.CheckpointDetail,
        wish: wire.CheckWish,
    ) -> dict[str, Any]:
        resumes, name = wish.use == "resume", wire.TRAINERS.get(listed.info.stage)
        stages = self._checkouts.read(ref.name)[1].stages if resumes else ()
        script = next((stage.path for stage in stages if stage.name == name), "")
        begin = Begin(
            listed.files.folder,
            listed.files.step,
            listed.meta,
            script,
            resumes and bool(script),
            wish.options,
        )
        return ask_about(ref, begin, {tensor.name: tensor.shape for tensor in detail.tensors})

    def _ref(self, checkout: str) -> CheckoutRef:
        known = {ref.name: ref for ref in self._checkouts.all()}
        return known.get(checkout) or self._checkouts.ref(checkout)
