"""command: runs a program on this machine and gives it the news as JSON."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import Any, ClassVar

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

from interpres.fault import Fault
from interpres.notice import News, Notice
from interpres.settings import Settings


def _or_a_list(schema: dict[str, Any]) -> None:
    """For editors: the short form stands beside the long one."""
    whole = dict(schema)
    schema.clear()
    schema["anyOf"] = [whole, {"type": "array", "items": {"type": "string"}, "minItems": 1}]


class CommandSettings(Settings):
    """What to run: a program and its arguments, as they are; no shell reads them. A list alone will do."""

    model_config = ConfigDict(json_schema_extra=_or_a_list)
    run: list[str] = Field(
        min_length=1, description="The program and its arguments.", examples=[["/usr/local/bin/page", "--urgent"]]
    )
    seconds: float = Field(default=30.0, gt=0, le=600, description="How long it may take.")

    @model_validator(mode="before")
    @classmethod
    def _list(cls, written: Any) -> Any:
        return {"run": written} if isinstance(written, list) else written


class Command(Notice):
    """A program of your own, which reads the news as one JSON object from its standard input; an exit status of 0 is a yes.

    What it prints is not kept. One that takes too long is ended, with everything that it started.
    """

    Settings: ClassVar[type[BaseModel]] = CommandSettings
    settings: CommandSettings

    async def tell(self, news: News) -> None:
        program = self.settings.run[0]
        try:
            running = await asyncio.create_subprocess_exec(
                *self.settings.run,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, ValueError) as wrong:
            why = (wrong.strerror if isinstance(wrong, OSError) else None) or "its name is not one"
            hint = "see command: in interpres.yaml; it is the program's path, and this user must be allowed to run it"
            raise Fault("N310", f"the command {program} cannot be run: {why.lower()}", hint) from None
        try:
            async with asyncio.timeout(self.settings.seconds):
                await running.communicate(msgspec.json.encode(news.facts))
        except TimeoutError:
            raise Fault(
                "N311", f"the command {program} did not end within {self.settings.seconds:g} s", "see what it waits for"
            ) from None
        finally:
            await _ended(running)
        if running.returncode:
            hint = "run it by hand with a line of JSON on its standard input, and see what it says"
            raise Fault("N312", f"the command {program} ended with status {running.returncode}", hint)


async def _ended(running: asyncio.subprocess.Process) -> None:
    """Nothing of it is left behind."""
    if running.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        await running.wait()
