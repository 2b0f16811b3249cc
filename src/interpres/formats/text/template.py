"""Template: a text template of the configuration's author, rendered in a sandbox; what a message holds is never evaluated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any, Final

from jinja2 import FunctionLoader, StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError, meta
from jinja2 import Template as Jinja
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from interpres.document import MISSING
from interpres.fault import Fault, Place

_IMPURE_FILTERS: Final = ("random",)
_IMPURE_NAMES: Final = ("lipsum",)


class Template:
    """One template file and those that it includes, all read when it is made.

    Raises `Fault` K001 where one of them is not written as Jinja templates are, and what `read` raises where one is missing.
    """

    def __init__(self, file: str, read: Callable[[str], bytes], *, escape: bool) -> None:
        self.file = file
        self._sources: dict[str, str] = {}
        self._environment = _environment(self._sources, escape=escape)
        self._gather(file, read)
        self._template: Jinja = self._environment.get_template(file)

    @property
    def files(self) -> tuple[str, ...]:
        """The files that it was made of, for pinning."""
        return tuple(self._sources)

    def _gather(self, file: str, read: Callable[[str], bytes]) -> None:
        """Reads a file and all that it includes or extends. A name that only a message decides would be data deciding."""
        if file in self._sources:
            return
        try:
            self._sources[file] = read(file).decode("utf-8")
        except UnicodeDecodeError:
            raise Fault("K001", "the template is no UTF-8", "save it as UTF-8", at=Place(file)) from None
        try:
            named = list(meta.find_referenced_templates(self._environment.parse(self._sources[file], filename=file)))
            self._environment.compile(self._sources[file], filename=file)
        except TemplateSyntaxError as wrong:
            hint = "see Jinja's template documentation; data is written as {{ name }}"
            raise Fault("K001", f"the template cannot be read: {wrong.message}", hint, at=Place(file, wrong.lineno, 1)) from None
        for name in named:
            if name is None or PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                hint = "name it as it stands in the workspace, as in {% include 'mappings/letters/head.txt' %}"
                raise Fault("K001", "a template is included by a name that is not written out", hint, at=Place(file))
            self._gather(name, read)

    def render(self, tree: Any, max_size: int) -> str:
        """The text. Faults K010 (a name that the tree lacks), K011 (not allowed), K012 (it fails), K013 (too much text)."""
        names = tree if isinstance(tree, dict) else {}
        pieces: list[str] = []
        size = 0
        for piece in self._pieces({**names, "document": tree}):
            pieces.append(piece)
            size += len(piece)
            if size > max_size:
                hint = "see its loops; the format's setting max_size allows more"
                raise Fault("K013", f"the template makes more than {max_size} characters", hint, at=Place(self.file))
        return "".join(pieces)

    def _pieces(self, names: Mapping[str, Any]) -> Iterator[str]:
        try:
            yield from self._template.generate(names)
        except UndefinedError as wrong:
            says = "the template writes a value that the mapping's output does not have"
            hint = "fill it in the mapping, or write {{ name | default('') }} or {% if name is defined %} in the template"
            raise Fault("K010", says, hint, at=self._place(wrong), value=wrong.message) from None
        except SecurityError as wrong:
            hint = "templates write values; what needs more is a transform"
            raise Fault("K011", "the template does what templates may not", hint, at=self._place(wrong)) from None
        except (TemplateError, ArithmeticError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as wrong:
            says = f"the template cannot be rendered: {type(wrong).__name__}"
            hint = "see what the value is that this line works on, with interpres map"
            raise Fault("K012", says, hint, at=self._place(wrong), value=str(wrong)) from None

    def _place(self, wrong: BaseException) -> Place:
        """The template's line: Jinja puts its own lines into the traceback."""
        place, trace = Place(self.file), wrong.__traceback__
        while trace:
            if trace.tb_frame.f_code.co_filename in self._sources:
                place = Place(trace.tb_frame.f_code.co_filename, trace.tb_lineno, 1)
            trace = trace.tb_next
        return place


def _environment(sources: Mapping[str, str], *, escape: bool) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=FunctionLoader(lambda name: (sources[name], name, lambda: True) if name in sources else None),
        undefined=StrictUndefined,
        autoescape=escape,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
        auto_reload=False,
        cache_size=0,
    )
    for name in _IMPURE_FILTERS:
        environment.filters.pop(name)
    for name in _IMPURE_NAMES:
        environment.globals.pop(name)
    return environment


def _shown(value: Any) -> Any:
    """How a value is written: nothing for null and what is missing, numbers and truths as in JSON."""
    if value is None or value is MISSING:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else value
