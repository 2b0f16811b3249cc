"""What may be said of a watched folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from interpres.settings import Settings


class CompleteSettings(Settings):
    """How a file shows that it is complete: one of the three."""

    stable_seconds: float | None = Field(
        default=None, gt=0, le=3600, description="Its size and times have not changed for so long."
    )
    marker: str | None = Field(default=None, description="A second file of its name with this ending is there.", examples=[".ok"])
    renamed: Literal[True] | None = Field(
        default=None, description="It is renamed into place, so that it is complete once it is there."
    )

    @model_validator(mode="after")
    def _one(self) -> CompleteSettings:
        if sum(way is not None for way in (self.stable_seconds, self.marker, self.renamed)) != 1:
            raise ValueError("one way to know that a file is complete is wanted — write stable_seconds, marker or renamed: true")
        return self

    @field_validator("marker")
    @classmethod
    def _ending(cls, marker: str | None) -> str | None:
        if marker is not None and (not marker.strip(".") or "/" in marker):
            raise ValueError("a marker is the ending of a name — write it as in .ok")
        return marker


class FolderSettings(Settings):
    """Which folder, which files, and when they are complete; `folder: var/in` is short for `folder: {path: var/in}`."""

    path: Path = Field(description="The folder, from the workspace's own. It is made where it is not there.")
    pattern: str | list[str] = Field(
        default="*", description="Which names are taken; upper and lower case are one.", examples=["*.hl7"]
    )
    recursive: bool = Field(default=False, description="Whether files in folders below it are taken too.")
    complete: CompleteSettings = Field(
        default_factory=lambda: CompleteSettings(stable_seconds=1), description="How a file shows that it is complete."
    )
    scan_seconds: float = Field(
        default=2.0, gt=0, le=3600, description="How often it is looked through, whatever the system tells."
    )
    file_bytes: int = Field(default=256 << 20, ge=1024, description="How large a file may be, in bytes.")
    empty: Literal["reject", "ignore"] = Field(default="reject", description="What to do with a file that holds nothing.")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, written: Any) -> Any:
        return {"path": written} if isinstance(written, str) else written
