"""Pattern: the regular expressions of `matches`, asked in time that grows with the text alone, whatever it holds.

The syntax is the part of Python's (`re`) that asks about text without remembering it: characters, `.`, classes, `|`, groups,
`* + ? {m,n}`, `^` and `$`, `\\d \\w \\s`, and `(?i)` at the start. `$` is the very end; `\\d` is 0 to 9; `\\w` is a letter, mark,
digit or `_` of any script, so that Khmer vowels are parts of words. No pattern has a text on which it runs away.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from interpres.fault import Fault
from interpres.values.automaton import Automaton, Node, Test

LARGEST: Final = 4_000
"""Places in one automaton; `{1,1000}` written twice is about there."""

_MOST_REPEATS: Final = 1_000
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}


@lru_cache(maxsize=512)
def pattern(text: str) -> Automaton:
    """The pattern that the text says. Raises `Fault` M108 for what it cannot be."""
    return Reading(text).pattern()


@dataclass(slots=True)
class Piece:
    """A part of an automaton: where it begins, and the places whose ways out are still open."""

    first: int
    open: list[int]


class Reading:
    """Reads a pattern from left to right and puts the automaton together as it goes."""

    def __init__(self, text: str) -> None:
        self.folded = text.startswith("(?i)")
        self.text = text[4:] if self.folded else text
        self.at = 0
        self.depth = 0
        self.nodes = [Node("match")]

    def pattern(self) -> Automaton:
        piece = self.choice()
        if self.at < len(self.text):
            raise self.slip("a ')' closes nothing")
        self.join(piece, 0)
        return Automaton(self.nodes, piece.first)

    def choice(self) -> Piece:
        self.depth += 1
        if self.depth > 50:
            raise self.slip("its groups are nested too deep")
        pieces = [self.row()]
        while self.take("|"):
            pieces.append(self.row())
        self.depth -= 1
        if len(pieces) == 1:
            return pieces[0]
        fork = self.node(Node("fork", nexts=[p.first for p in pieces]))
        return Piece(fork, [o for p in pieces for o in p.open])

    def row(self) -> Piece:
        empty = self.node(Node("fork"))
        whole = Piece(empty, [empty])
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            piece = self.repeated()
            self.join(whole, piece.first)
            whole.open = piece.open
        return whole

    def repeated(self) -> Piece:
        start = self.at
        piece = self.single()
        end = self.at
        times = self.times()
        if times is None:
            return piece
        self.take("?")  # a lazy repeat finds the same texts
        if self.at < len(self.text) and self.text[self.at] in "*+?{":
            raise self.slip("a repeat is repeated")
        return self.times_over(piece, start, end, *times)

    def times(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self.take(sign):
                return bounds
        if not self.take("{"):
            return None
        inner, closed, _ = self.text[self.at :].partition("}")
        least, comma, most = inner.partition(",")
        if not closed or not (least or most) or not all((n.isdecimal() and n.isascii()) or not n for n in (least, most)):
            raise self.slip("a '{' wants a number, as in {3} or {1,4}; the sign itself is \\{")
        self.at += len(inner) + 1
        low = int(least or 0)
        high = (int(most) if most else None) if comma else low
        if max(low, high or 0) > _MOST_REPEATS or (high is not None and high < low):
            raise self.slip(f"a repeat goes from a number to a larger one, {_MOST_REPEATS} at most")
        return low, high

    def times_over(self, piece: Piece, start: int, end: int, low: int, high: int | None) -> Piece:
        """The piece as often as wanted: it is read again for every copy, which keeps copies apart."""
        here = self.at
        empty = self.node(Node("fork"))
        whole = Piece(empty, [empty])
        optional: list[int] = []
        for number in range(max(low, 1) if high is None else high):
            if number:
                self.at = start
                piece = self.single()
            if number >= low and high is not None:
                fork = self.node(Node("fork", nexts=[piece.first]))
                self.join(whole, fork)
                optional.append(fork)
            else:
                self.join(whole, piece.first)
            whole.open = piece.open
        if high is None:
            back = self.node(Node("fork", nexts=[piece.first]))
            self.join(whole, back)
            whole = Piece(back if low == 0 else whole.first, [back])
        self.at = here
        return Piece(whole.first, [*whole.open, *optional])

    def single(self) -> Piece:
        sign = self.text[self.at]
        self.at += 1
        if sign == "(":
            return self.group()
        if sign == "[":
            return self.tested(self.chosen())
        if sign == ".":
            return self.tested(lambda c: c != "\n")
        if sign in "^$":
            node = self.node(Node("start" if sign == "^" else "end"))
            return Piece(node, [node])
        if sign in "*+?{":
            raise self.slip(f"'{sign}' repeats nothing; the sign itself is \\{sign}")
        return self.tested(self.escape() if sign == "\\" else self.same(sign))

    def group(self) -> Piece:
        if self.take("?") and not self.take(":"):
            raise self.slip("of groups that begin with '(?' there is only '(?:'")
        piece = self.choice()
        if not self.take(")"):
            raise self.slip("a '(' is never closed")
        return piece

    def escape(self) -> Test:
        """What stands behind a backslash."""
        if self.at == len(self.text):
            raise self.slip("it ends with a backslash")
        sign = self.text[self.at]
        self.at += 1
        kind = _KINDS.get(sign.lower())
        if kind is not None:
            return kind if sign.islower() else lambda c: not kind(c)
        if sign in _ESCAPES:
            return self.same(_ESCAPES[sign])
        if sign.isalnum():
            raise self.slip(f"'\\{sign}' has no meaning here")
        return self.same(sign)

    def chosen(self) -> Test:
        """A class: `[A-Z0-9_]`, `[^|]`."""
        against = self.take("^")
        tests: list[Test] = []
        while self.at < len(self.text) and (self.text[self.at] != "]" or not tests):
            tests.append(self.member())
        if not self.take("]"):
            raise self.slip("a '[' is never closed")
        return lambda c: any(test(c) for test in tests) is not against

    def member(self) -> Test:
        sign = self.text[self.at]
        self.at += 1
        if sign == "\\":
            return self.escape()
        rest = self.text[self.at : self.at + 2]
        if len(rest) < 2 or rest[0] != "-" or rest[1] == "]":
            return self.same(sign)
        last = rest[1]
        self.at += 2
        if last == "\\":
            last = self.text[self.at : self.at + 1]
            self.at += 1
        if not last or last < sign:
            raise self.slip(f"a range goes from '{sign}' to something before it")
        if self.folded:
            return lambda c: any(sign <= v <= last for v in (c, c.lower(), c.upper()))
        return lambda c: sign <= c <= last

    def same(self, sign: str) -> Test:
        if self.folded:
            return lambda c: c.casefold() == sign.casefold()
        return lambda c: c == sign

    def tested(self, test: Test) -> Piece:
        node = self.node(Node("test", test))
        return Piece(node, [node])

    def node(self, node: Node) -> int:
        self.nodes.append(node)
        if len(self.nodes) > LARGEST:
            raise self.slip("its repeats make it too large")
        return len(self.nodes) - 1

    def join(self, piece: Piece, after: int) -> None:
        for at in piece.open:
            self.nodes[at].nexts.append(after)

    def take(self, sign: str) -> bool:
        if not self.text.startswith(sign, self.at):
            return False
        self.at += len(sign)
        return True

    def slip(self, says: str) -> Fault:
        hint = "what a pattern cannot say belongs into a transform, with a name and a test"
        return Fault("M108", f"the pattern cannot be read: {says}", hint)


def _word(character: str) -> bool:
    return character == "_" or unicodedata.category(character)[0] in "LMN"


_KINDS: Final[dict[str, Test]] = {"d": lambda c: "0" <= c <= "9", "w": _word, "s": str.isspace}
