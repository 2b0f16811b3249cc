"""Fingerprint: 64-bit numbers that stand for lanes, keys and identities in the store's indexes and in memory."""

from __future__ import annotations

from hashlib import blake2b


def fingerprint(*words: str) -> int:
    """A signed 64-bit number for these words: the same today and always. Two may share one; who must be sure compares."""
    text = "\x1f".join(words)
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big", signed=True)


def lane_number(channel: str, lane: str | None, sequence: int) -> int:
    """The lane of a message in its channel; where the lane is None, one of its own that no other message shares."""
    if lane is None:
        return fingerprint("alone", str(sequence))
    return fingerprint("lane", channel, lane)


def key_number(name: str, value: str) -> int:
    """What a message is found by: even, so that keys and identities never meet."""
    return fingerprint("key", name, value) & ~1


def identity_number(channel: str, identity: str) -> int:
    """What a repeated intake is recognised by: odd."""
    return fingerprint("intake", channel, identity) | 1
