"""Variables a pack declares for a fork's stages: harmless ones, and the person's come first."""

from __future__ import annotations

import pytest
from declare_rig import declared
from nanochat_host.checkout.model import Option, Stage
from nanochat_host.core.declared_env import declare_env
from nanochat_host.core.wire import RunRecord, RunStep
from nanochat_sdk.declare import Declarations, Launch
from nanochat_sdk.declare_check import check_declarations
from nanochat_sdk.errors import ManifestError

TEXT = """
[launch]
requires = ["mc_enabled"]
[launch.env]
MC_OTEL_ENDPOINT = "http://{otlp_grpc}"
MC_OTEL_INSECURE = "1"
OTEL_BSP_SCHEDULE_DELAY = "500"
"""
HEARD = {"otlp_grpc": "127.0.0.1:4317"}


def started(receivers: dict[str, str], *taken: str) -> list[dict[str, str]]:
    """The environments of a stage that has the option and of one that has not."""
    steps = [RunStep(n, f"scripts.{n}", [], env={"A": "1"}) for n in ("base_train", "tok_train")]
    record = RunRecord(
        id="r", name="r", checkout="c", checkout_path="/c", python="python", base_dir="/b",
        steps=steps, created_at=0.0,
    )  # fmt: skip
    options = {"base_train": ["mc_enabled", "depth"], "tok_train": ["vocab_size"]}
    stages = [
        Stage(
            name, f"scripts.{name}", "", options=[Option(one, f"--{one}", "int") for one in names]
        )
        for name, names in options.items()
    ]
    declare_env(record, stages, [declared(TEXT)[1].launch], receivers, taken)
    return [step.env for step in steps]


def test_stages_that_have_the_option_are_told_where_to_send() -> None:
    train, other = started(HEARD)
    assert train == {
        "A": "1", "MC_OTEL_ENDPOINT": "http://127.0.0.1:4317", "MC_OTEL_INSECURE": "1",
        "OTEL_BSP_SCHEDULE_DELAY": "500",
    }  # fmt: skip
    assert other == {"A": "1"}


def test_a_receiver_that_is_off_is_not_named() -> None:
    assert "MC_OTEL_ENDPOINT" not in started({"otlp_http": "127.0.0.1:4318"})[0]


def test_what_the_person_set_stays() -> None:
    assert "MC_OTEL_ENDPOINT" not in started(HEARD, "MC_OTEL_ENDPOINT")[0]


@pytest.mark.parametrize(
    "line, said",
    [
        ('LD_PRELOAD = "x"', "begin with MC_ or OTEL_BSP_"),
        ('PYTHONSTARTUP = "x"', "begin with MC_"),
        ('OTEL_EXPORTER_OTLP_ENDPOINT = "x"', "begin with MC_"),
        ('MC_OTEL_ENDPOINT = "http://evil.example:4317"', "a value is a word"),
        ('MC_X = "../x"', "a value is a word"),
        ('MC_X = "{otlp_grpc}.evil.example"', "a value is a word"),
        ('mc_x = "1"', "Expected"),
    ],
)
def test_what_could_do_harm_is_refused(line: str, said: str) -> None:
    with pytest.raises(ManifestError, match=said):
        declared(f"[launch.env]\n{line}\n")


@pytest.mark.parametrize(
    ("pack_id", "name"),
    [("ld", "LD_PRELOAD"), ("wandb", "WANDB_API_KEY"), ("hf-hub", "HF_HUB_TOKEN")],
)
def test_no_pack_is_named_so_that_others_variables_are_its_own(pack_id: str, name: str) -> None:
    said = Declarations(launch=Launch(env={name: "x"}))
    with pytest.raises(ManifestError, match="no pack's to set"):
        check_declarations(pack_id, said)
    check_declarations(pack_id, Declarations(launch=Launch(env={"OTEL_BSP_SCHEDULE_DELAY": "500"})))
