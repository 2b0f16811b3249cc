"""call: sends the payload to an operation of a system, and keeps its answer."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, Field, field_validator, model_validator

from interpres.answer import Answer
from interpres.delivery import Outcome, Parcel
from interpres.destination import Destination, Target
from interpres.document import MISSING
from interpres.fault import Fault, Faults
from interpres.naming import filled
from interpres.settings import Settings

_STATES = {"delivered": "delivered", "held": "held", "missing": "held", "refused": "refused"}


class CallSettings(Settings):
    """Which operation; `call: npca/submitVisit` is short for `call: {operation: npca/submitVisit}`."""

    operation: str = Field(description="The system and its operation.", examples=["npca/submitVisit"])
    parameters: dict[str, str] = Field(
        default_factory=dict,
        description="The operation's parameters; {names} are filled in.",
        examples=[{"visit_code": "{visit}"}],
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, written: Any) -> Any:
        return {"operation": written} if isinstance(written, str) else written

    @field_validator("operation")
    @classmethod
    def _two_words(cls, operation: str) -> str:
        system, _, name = operation.partition("/")
        if not system or not name or "/" in name:
            raise ValueError("a system and its operation are wanted here — write them as in npca/submitVisit")
        return operation


class Call(Destination):
    """The payload becomes the request's body as it is; what the answer means is the system's to say."""

    Settings: ClassVar[type[BaseModel]] = CallSettings
    settings: CallSettings

    def __init__(self, settings: BaseModel, target: Target) -> None:
        super().__init__(settings, target)
        assert target.calls is not None, "a call destination is handed the calls of its workspace"

    @property
    def honours_keys(self) -> bool:
        """Whether the system's file says that asking twice has one effect."""
        try:
            return bool(self.target.calls.operation(self.settings.operation).idempotent)
        except Fault:
            return False

    async def send(self, parcel: Parcel) -> Outcome:
        """One call. What is wrong with the recipe or the environment holds the delivery: the message is not to blame."""
        calls, s = self.target.calls, self.settings
        try:
            parameters = {name: filled(value, parcel.names) for name, value in s.parameters.items()}
            has_body = calls.operation(s.operation).media_type is not None
            answer = await calls.call(
                s.operation,
                parameters,
                parcel.payload if has_body else None,
                parcel.key,
                media_type=_media_type(parcel, has_body),
                each=parcel.each,
            )
        except Fault as wrong:
            return Outcome("refused" if wrong.code == "N251" else "held", faults=(wrong,))
        except Faults as wrong:
            return Outcome("refused", faults=wrong.faults)
        return _outcome(answer, s.operation)


def _media_type(parcel: Parcel, has_body: bool) -> str | None:
    """The payload's own media type where it says more than the contract's (`text/csv` to an operation that takes anything)."""
    return parcel.media_type if has_body and parcel.media_type != "application/json" else None


def _outcome(answer: Answer, operation: str) -> Outcome:
    faults = answer.faults
    if answer.state == "missing":
        says = f"{operation} knows nothing of what it was asked for"
        faults = (Fault("N243", says, "see what it answered, then release or drop it"), *faults)
    return Outcome(
        state=_STATES[answer.state],  # type: ignore[arg-type]
        status=str(answer.status),
        answer=None if answer.tree is MISSING else answer.tree,
        faults=faults,
        after_seconds=answer.after_seconds,
        items=None if answer.items is None else tuple(_outcome(item, operation) for item in answer.items),
    )
