"""folder: writes each payload as a file that is there whole or not at all, also after a power cut."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field, field_validator, model_validator

from interpres.delivery import Outcome, Parcel
from interpres.destination import Destination, Target
from interpres.fault import Fault, TryAgain
from interpres.filing import in_words, make_folders, write_whole
from interpres.naming import file_path, suffix_of, template_problem
from interpres.settings import Settings


class FolderSettings(Settings):
    """Where files go and what they are called; `folder: var/out` is short for `folder: {path: var/out}`."""

    path: Path = Field(description="The folder, from the workspace's own. It is made where it is not there.")
    name: str = Field(
        default="{received_on}/{message_id}-{part}{suffix}",
        description="The file's name below it: {names} are filled in, slashes make folders, {suffix} is that of the payload.",
    )
    when_exists: Literal["refuse", "replace"] = Field(
        default="refuse", description="What to do where a file of that name holds something else."
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, written: Any) -> Any:
        return {"path": written} if isinstance(written, str) else written

    @field_validator("name")
    @classmethod
    def _below(cls, name: str) -> str:
        if problem := template_problem(name):
            raise ValueError(problem)
        return name


class Folder(Destination):
    """Written beside its place, synced, renamed, and the folder synced: then and only then it is delivered.

    The same content under the same name again is delivered again without being written, so a repetition has one effect.
    """

    Settings: ClassVar[type[BaseModel]] = FolderSettings
    settings: FolderSettings

    def __init__(self, settings: BaseModel, target: Target) -> None:
        super().__init__(settings, target)
        self._root = target.workspace / self.settings.path
        self._one_writer = asyncio.Lock()

    @property
    def honours_keys(self) -> bool:
        return True

    async def open(self) -> None:
        """Make the folder. Raises `Fault` E112 where that cannot be."""
        try:
            await asyncio.to_thread(make_folders, self._root)
        except OSError as wrong:
            hint = f"make {self.settings.path} a folder that the engine may write to"
            raise Fault("E112", f"the folder {self.settings.path} cannot be used: {in_words(wrong)}", hint) from None

    async def send(self, parcel: Parcel) -> Outcome:
        """One file. Raises `TryAgain` where the disk will not have it now; nothing is then left of it."""
        try:
            template = self.settings.name.replace("{suffix}", suffix_of(parcel.media_type))
            name = file_path(template, parcel.names)
            async with self._one_writer:
                done = await asyncio.to_thread(write_whole, self._root, name, parcel.payload, self.settings.when_exists)
        except Fault as wrong:
            return Outcome("refused", faults=(wrong,))
        except OSError as wrong:
            raise TryAgain(f"no file can be written to {self.settings.path}: {in_words(wrong)}") from None
        return Outcome("delivered", status=done)
