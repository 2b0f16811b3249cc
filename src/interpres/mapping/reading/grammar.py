"""Grammar: a formula's text becomes a tree with the place of every node, or a fault that says what was probably meant."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Final, cast

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

from interpres.fault import Fault, Place
from interpres.format import Grammar
from interpres.mapping.formula import Arrow, Binary, Call, Exists, Formula, Listing, Not, Number, Operator, Read, Text, Truth
from interpres.mapping.picture import Worked
from interpres.mapping.reading import slips
from interpres.path import Every, Field, Index, Key, Part, Path, Position, Root, Step, Where
from interpres.yaml import Leaf, within

LONGEST: Final = 10_000
DEEPEST: Final = 100
MOST_DIGITS: Final = 40

Where_ = Callable[[int], Place]
"""From the position of a character in the formula's text to its place in the file."""

_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{1,2}\Z")
_TRUTHS: Final = {"TRUE": True, "FALSE": False, "NULL": None}


def parse(text: str, at: Place, grammar: Grammar, place: Where_ | None = None) -> Formula:
    """The formula that `text` (without its `=`) says. `at` is the place of its first character; `place`, where given, the place
    of any of its characters (quotes and escapes of YAML shift them). Raises `Fault` M110 to M119 and nothing else."""
    where = place or (lambda index: Place(at.file, at.line, at.column + index))
    if not text.strip():
        raise Fault("M110", "nothing stands behind the =", "write a formula, or the sign itself as ='='", at=at)
    if len(text) > LONGEST:
        hint = "split it into names under let:"
        raise Fault("M119", f"the formula is longer than {LONGEST:,} characters", hint, at=at)
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        raise slips.explain(text, error, where) from None
    if _depth(tree) > DEEPEST:
        raise Fault("M119", f"the formula is nested more than {DEEPEST} deep", "split it into names under let:", at=at)
    return _Building(text, grammar, where).formula(tree.children[0])


def parse_path(text: str, at: Place, grammar: Grammar, place: Where_ | None = None) -> Path:
    """The path that `text` says, for `$each` and `edits`. Raises `Fault` M110 to M119; M114 where it is another formula."""
    formula = parse(text, at, grammar, place)
    if isinstance(formula, Read):
        return formula.path
    raise Fault("M114", "a path is wanted here, and this is a formula", "write = in front of it", at=at)


def worked(leaf: Leaf, grammar: Grammar) -> Worked:
    """The formula of a YAML leaf that begins with `=`, its nodes placed exactly whatever its quotes. Raises as `parse`."""
    assert leaf.text.startswith("=")
    text = leaf.text[1:]
    formula = parse(text, leaf.at, grammar, lambda index: within(leaf, index + 1))
    return Worked(formula, text, leaf.at)


def path_of(leaf: Leaf, grammar: Grammar) -> Path:
    """The path of a YAML leaf. Raises as `parse_path`."""
    return parse_path(leaf.text, leaf.at, grammar, lambda index: within(leaf, index))


@cache
def _parser() -> Lark:
    text = files("interpres.mapping.reading").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer="contextual", maybe_placeholders=False, propagate_positions=False)


def _depth(tree: Tree[Token]) -> int:
    """How deep the tree is nested, without going down by recursion."""
    deepest, waiting = 0, [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting += [(child, depth + 1) for child in node.children if isinstance(child, Tree)]
    return deepest


class _Building:
    """Makes the formula of lark's tree; `where` places the characters of `text`."""

    def __init__(self, text: str, grammar: Grammar, where: Where_) -> None:
        self.text = text
        self.grammar = grammar
        self.where = where

    def formula(self, tree: Any) -> Formula:
        build: Callable[[list[Any]], Formula] = getattr(self, f"_{tree.data}")
        return build(tree.children)

    def _place(self, token: Token) -> Place:
        return self.where(token.start_pos or 0)

    def _or(self, parts: list[Any]) -> Formula:
        return self._binary("or", *parts)

    def _and(self, parts: list[Any]) -> Formula:
        return self._binary("and", *parts)

    def _join(self, parts: list[Any]) -> Formula:
        return self._binary("&", *parts)

    def _compare(self, parts: list[Any]) -> Formula:
        return self._binary(str(parts[1]), parts[0], parts[2])

    def _sum(self, parts: list[Any]) -> Formula:
        return self._binary(str(parts[1]), parts[0], parts[2])

    _product = _sum

    def _binary(self, operator: str, left: Any, right: Any) -> Formula:
        first = self.formula(left)
        return Binary(cast(Operator, operator), first, self.formula(right), first.at)

    def _not(self, parts: list[Any]) -> Formula:
        operand = self.formula(parts[0])
        return Not(operand, operand.at)

    def _exists(self, parts: list[Any]) -> Formula:
        operand = self.formula(parts[0])
        return Exists(operand, operand.at)

    def _text(self, parts: list[Any]) -> Formula:
        written = str(parts[0])
        quote = written[0]
        return Text(written[1:-1].replace(quote * 2, quote), self._place(parts[0]))

    def _number(self, parts: list[Any]) -> Formula:
        written, at = str(parts[0]), self._place(parts[0])
        if len(written) > MOST_DIGITS:
            raise Fault("M119", f"a number of more than {MOST_DIGITS} digits stands here", "write a text in quotes", at=at)
        return Number(Decimal(written) if "." in written else int(written), written, at)

    def _constant(self, parts: list[Any]) -> Formula:
        return Truth(_TRUTHS[parts[0].type], self._place(parts[0]))

    def _listing(self, parts: list[Any]) -> Formula:
        return Listing(tuple(self.formula(p) for p in parts[1:-1]), self._place(parts[0]))

    def _call(self, parts: list[Any]) -> Formula:
        name = self._called(parts[0])
        return Call(name, self._arguments(parts[2:-1]), self._place(parts[0]))

    def _piped(self, parts: list[Any]) -> Formula:
        name = self._called(parts[1])
        first = self.formula(parts[0])
        return Call(name, (first, *self._arguments(parts[3:-1])), self._place(parts[1]), piped=True)

    def _called(self, token: Token) -> str:
        name = slips.name(str(token), self._place(token))
        if name in slips.RESERVED:
            raise slips.reserved(name, self._place(token), called=True)
        return name

    def _arguments(self, parts: list[Any]) -> tuple[Formula | Arrow, ...]:
        return tuple(self._argument(p) for p in parts)

    def _argument(self, tree: Any) -> Formula | Arrow:
        if tree.data == "otherwise":
            return Arrow(None, self.formula(tree.children[1]), self._place(tree.children[0]))
        if tree.data == "arrow":
            match = self.formula(tree.children[0])
            return Arrow(match, self.formula(tree.children[1]), match.at)
        return self.formula(tree)

    def _path(self, parts: list[Any]) -> Formula:
        head: Token = parts[0]
        end = head.end_pos or 0
        for part in parts[1:]:
            start, stop = _extent(part)
            if start != end:
                raise slips.spaced(self.text, end, start, self.where(end))
            end = stop
        text = self.text[head.start_pos or 0 : end]
        root, name, first = self._head(head, text)
        rest = [self._part(p, text, i, parts) for i, p in enumerate(parts[1:], 1)]
        path = Path(root, name, (*first, *rest), text, self._place(head))
        return Read(path, path.at)

    def _head(self, token: Token, text: str) -> tuple[Root, str, tuple[Part, ...]]:
        at, written = self._place(token), str(token)
        match token.type:
            case "NAME":
                if written in slips.RESERVED:
                    raise slips.reserved(written, at)
                return "name", slips.name(written, at), ()
            case "TICK":
                return "tick", unicodedata.normalize("NFC", written[1:-1]), ()
            case "DOT":
                return "item", "", ()
            case "INDEX":
                return "index", "", ()
            case "DOCUMENT":
                return "document", "", ()
            case "KEY":
                return "item", "", (self._key(token),)
            case "POSITION":
                if self.grammar != "segments":
                    raise slips.position(text, self.grammar, at)
                return "item", "", (Position(int(written[1:])),)
        if self.grammar != "xml":
            raise slips.xml_only(written, at)
        return ("document" if token.type == "STEP" else "here"), "", (_step(written),)

    def _key(self, token: Token) -> Key:
        written = str(token)[1:]
        if written.startswith("`"):
            return Key(unicodedata.normalize("NFC", written[1:-1]))
        return Key(written if written == "$index" else slips.name(written, self._place(token)))

    def _part(self, part: Any, text: str, index: int, parts: list[Any]) -> Part:
        if isinstance(part, Tree):
            return self._choice(part, text, parts[index - 1])
        at = self._place(part)
        match part.type:
            case "KEY":
                return self._key(part)
            case "STEP":
                return _step(str(part))
            case "FIELD":
                if self.grammar != "segments" or not _begins_segment(parts[:index]):
                    raise slips.field(self.text, text, str(part), self.grammar, parts[:index], at)
                return Field(int(str(part)[1:]))
        if self.grammar != "segments" or not _inside_field(parts[:index]):
            raise slips.position(text, self.grammar, at)
        return Position(int(str(part)[1:]))

    def _choice(self, tree: Tree[Token], text: str, before: Any) -> Part:
        at = self._place(cast(Token, tree.children[0]))
        if self.grammar == "segments" and (isinstance(before, Tree) or before.type == "POSITION"):
            raise slips.choice(text, isinstance(before, Tree), at)
        if tree.data == "every":
            return Every()
        if tree.data == "where_all":
            return Where(self.formula(tree.children[2]), many=True)
        condition = self.formula(tree.children[1])
        if not isinstance(condition, Number):
            return Where(condition)
        if not isinstance(condition.number, int) or condition.number < (0 if self.grammar == "tree" else 1):
            raise slips.index(self.grammar, condition)
        return Index(condition.number)


def _extent(part: Any) -> tuple[int, int]:
    if isinstance(part, Tree):
        return cast(Token, part.children[0]).start_pos or 0, cast(Token, part.children[-1]).end_pos or 0
    return part.start_pos, part.end_pos


def _step(written: str) -> Step:
    if "@" in written:
        return Step("/@", written.lstrip("/@"))
    return Step("//" if written.startswith("//") else "/", written.lstrip("/"))


def _begins_segment(before: list[Any]) -> bool:
    """Whether a field may follow: after a segment's name, chosen or not, in the document or in a named loop."""
    tokens = [p for p in before if isinstance(p, Token)]
    last = before[-2] if isinstance(before[-1], Tree) and len(before) > 1 else before[-1]
    if not isinstance(last, Token) or last.type not in ("NAME", "KEY"):
        return False
    return bool(_SEGMENT.match(str(last).removeprefix("."))) and (last is tokens[0] or tokens[0].type == "DOCUMENT")


def _inside_field(before: list[Any]) -> bool:
    """Whether a position may follow: after a field, chosen or not, or another position."""
    last = before[-2] if isinstance(before[-1], Tree) and len(before) > 1 else before[-1]
    return isinstance(last, Token) and last.type in ("FIELD", "POSITION")
