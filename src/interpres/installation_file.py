"""Installation file: what may stand in `interpres.yaml`."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator

from interpres.duration import Duration
from interpres.settings import Settings

_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\s]*):([0-9]{1,5})")


class HealthSettings(Settings):
    """Where /health, /ready and /metrics are answered."""

    listen: str = Field(
        default="127.0.0.1:9464",
        description="Address and port; only this machine can reach 127.0.0.1.",
        examples=["127.0.0.1:9464"],
    )

    @field_validator("listen")
    @classmethod
    def _an_address(cls, written: str) -> str:
        listen_address(written)
        return written


class LogSettings(Settings):
    """What var/log/interpres.jsonl holds, and how much of it is kept."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="The least that is written.")
    largest_mb: int = Field(default=50, ge=1, le=10_000, description="At such a size the file is turned over.")
    kept: int = Field(default=5, ge=1, le=1000, description="So many older files are kept.")


class RecipientCommon(Settings):
    """What every recipient may say beside its own settings."""

    only: list[str] = Field(
        default_factory=list, description="The rules that it is told of; without it all.", examples=[["store"]]
    )


class AlertsFile(Settings):
    """Who is told when something is not well, and by which rules."""

    to: dict[str, dict[str, Any]] = Field(default_factory=dict, description="Recipients by name, each with one way to tell it.")
    rules: dict[str, Any] = Field(default_factory=dict, description="What rules are to do otherwise than they do by themselves.")
    every: Duration = Field(default=15.0, description="How often the rules look.")
    gather: Duration = Field(default=30.0, description="What changes within this time is told together.")
    again: list[Duration] = Field(
        default=[3600.0, 14400.0, 86400.0],
        min_length=1,
        description="After such times what is still not well is told again; the last is repeated.",
    )


class InstallationFile(Settings):
    """How this installation runs. Nothing here changes what becomes of a message."""

    name: str = Field(default="", description="What this engine is called in notices; by default the machine's name.")
    health: HealthSettings | None = Field(default=None, description="Where its health can be asked; without it nowhere.")
    drain: Duration = Field(default=10.0, description="How long what is in hand may take when the engine is stopped.")
    log: LogSettings = Field(default_factory=LogSettings, description="What is logged.")
    alerts: AlertsFile = Field(default_factory=AlertsFile, description="Who is told what is not well.")


def listen_address(written: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:9464`. Raises ValueError."""
    match = _ADDRESS.fullmatch(written)
    if match is None or int(match[2]) > 65535:
        raise ValueError("an address and a port are wanted — write them as in 127.0.0.1:9464")
    return match[1].strip("[]") or "0.0.0.0", int(match[2])  # noqa: S104  (asked for)
