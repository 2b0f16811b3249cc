"""System file: what may stand in `schemas/<system>/system.yaml`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from interpres.settings import Settings


class Limits(Settings):
    """How much may be asked of a system at once, and how long it is waited for."""

    in_flight: int = Field(default=4, ge=1, le=1000, description="How many calls may be under way at once.")
    per_second: float | None = Field(default=None, gt=0, description="How many calls may be begun in a second; without it any.")
    timeout_seconds: float = Field(default=30.0, gt=0, le=3600, description="How long one call may take, with everything.")
    answer_bytes: int = Field(default=32 << 20, ge=1024, description="How large an answer may be, in bytes.")


class AnswersFile(Settings):
    """What an answer means: formulas over it, read in the order of the file; the first that is true counts, none is hold."""

    delivered: str | None = Field(
        default=None, description="True where the system took what it was sent, or answered the question."
    )
    hold: str | None = Field(default=None, description="True where a person has to look.")
    refused: str | None = Field(
        default=None, description="True where the system will not have it; sending it again would not help."
    )
    missing: str | None = Field(default=None, description="True where the system says that there is no such thing.")


class OperationFile(Settings):
    """What is known of an operation beside its contract."""

    idempotent: bool = Field(default=False, description="Whether asking twice has one effect.")
    key_header: str | None = Field(
        default=None, description="The header for the key that makes it so.", examples=["Idempotency-Key"]
    )


class SystemFile(Settings):
    """A system file. Secrets and addresses stand as `${NAME}` and come from the environment."""

    about: str = Field(description="One sentence: who this is.")
    base_url: str = Field(description="Where its operations are, as in https://host/root.", examples=["${NPCA_BASE_URL}"])
    sign_in: dict[str, Any] | None = Field(
        default=None, description="How calls are signed: one of the sign-ins, with its settings."
    )
    headers: dict[str, str] = Field(default_factory=dict, description="Headers that every call carries.")
    limits: Limits = Field(default_factory=Limits, description="How much may be asked at once, and how long it is waited for.")
    answers: dict[str, AnswersFile] = Field(
        default_factory=dict, description="What answers mean beyond their status, by operation."
    )
    operations: dict[str, OperationFile] = Field(
        default_factory=dict, description="What is known of operations beside their contract."
    )
    standard: str = Field(default="", description="The catalogue's column: what is spoken.", examples=["REST/JSON, OAuth 2.0"])
    status: Literal["planned", "sandbox", "live", "blocked"] = Field(
        default="planned", description="How far the integration has come."
    )
