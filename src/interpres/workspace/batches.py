"""Batches: why the deliveries of a destination cannot be gathered into one request."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from interpres.fault import Fault, Place


def batch_faults(word: str, settings: BaseModel, format_name: str, *, has_lane: bool, at: Place) -> Iterator[Fault]:
    """C137. They can be where a call takes JSON, all with the same parameters, and where there are lanes to gather from."""
    if word != "call":
        yield Fault("C137", f"what goes to a {word} cannot be gathered", "take batch: out; it is for call:", at=at)
    elif any("{" in value for value in getattr(settings, "parameters", {}).values()):
        hint = "take the names out of parameters:, or batch: out of the destination"
        yield Fault("C137", "its parameters differ from delivery to delivery, so that they cannot be gathered", hint, at=at)
    if not has_lane:
        hint = "give the channel a lane:, or take batch: out"
        yield Fault("C137", "without a lane there is nothing to gather: one delivery goes out at a time", hint, at=at)
    if format_name != "json":
        says = f"lists can be joined in JSON only, and what goes out here is {format_name}"
        yield Fault("C137", says, "take batch: out, or let a mapping make JSON", at=at)
