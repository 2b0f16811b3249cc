"""Text: lines in, and out what a sandboxed template makes, in which data is never evaluated."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path as File
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres import catalog
from interpres.document import MISSING
from interpres.fault import Fault, Place
from interpres.format import Scope
from interpres.formats.text import Text, TextSettings
from interpres.path import Index, Path

NAUGHTY = "S07-naughty/minimaxir+big-list-of-naughty-strings/blns.json"
SAMPLES = File(__file__).parents[2] / "samples/formats/text"


def files(**sources: str) -> Callable[[str], bytes]:
    """Reads from these sources, as a workspace would from its folder."""

    def read(name: str) -> bytes:
        if name not in sources:
            raise Fault("C150", f"{name} cannot be read")
        return sources[name].encode()

    return read


def writer(template: str, **more: Any) -> Text:
    text = Text(TextSettings(template="t", **more))
    text.load(files(t=template))
    return text


def rendered(template: str, tree: Any, **more: Any) -> str:
    return writer(template, **more).encode(tree).decode()


def fault_of(template: str, tree: Any, **more: Any) -> Fault:
    with pytest.raises(Fault) as raised:
        rendered(template, tree, **more)
    return raised.value


def test_text_is_read_with_its_lines() -> None:
    text = Text(TextSettings())
    assert text.decode("\ufeffa\r\nb\x0bc\rd\n".encode()).tree == {"text": "a\r\nb\x0bc\rd\n", "lines": ["a", "b\x0bc", "d"]}
    assert text.decode(b"").tree == {"text": "", "lines": []}
    assert Text(TextSettings(encoding="windows-1258")).decode("é".encode("cp1258")).tree["text"] == "é"


@pytest.mark.parametrize(("body", "setting"), [(b"\xff", {}), (b"\0", {"encoding": "utf-16"}), (b"abcd", {"max_size": 3})])
def test_what_cannot_be_read_is_refused(body: bytes, setting: dict[str, Any]) -> None:
    with pytest.raises(Fault) as raised:
        Text(TextSettings(**setting)).decode(body)
    assert raised.value.code == "K020"


def test_lines_are_read_by_path() -> None:
    paths = Text(TextSettings()).paths
    code = paths.value(Path("name", "lines", (Index(1),), "lines[1]", Place("m.yaml", 1, 1)), Scope("document"))
    assert eval(code, {**paths.runtime(None), "document": {"lines": ["a", "b"]}}) == "b"


def test_a_template_writes_the_tree() -> None:
    line = "- {{ v.code }} {{ v.paid }} {{ v.price }}"
    template = f"{{{{ name }}}}: {{{{ document.visits | length }}}}\n{{% for v in visits %}}\n{line}\n{{% endfor %}}\n"
    tree = {
        "name": "ចាន់",
        "visits": [{"code": "V-1", "paid": True, "price": Decimal("1.00")}, {"code": None, "paid": MISSING, "price": 2}],
    }
    assert rendered(template, tree) == "ចាន់: 2\n- V-1 true 1.00\n-   2\n"
    assert rendered("{{ document | join('+') }}", ["a", "b"]) == "a+b"


def test_without_a_template_a_text_goes_out_as_it_is() -> None:
    text = Text(TextSettings())
    assert text.encode({"text": "x{{ y }}\n"}) == text.encode("x{{ y }}\n") == b"x{{ y }}\n"
    assert text.load(files()) == ()
    for tree in ({"lines": []}, None, {"text": 1}):
        with pytest.raises(Fault) as raised:
            text.encode(tree)
        assert raised.value.code == "K021"
    with pytest.raises(Fault) as raised:
        Text(TextSettings(encoding="ascii")).encode("é")
    assert raised.value.code == "K021"


@pytest.mark.parametrize(
    "data", ["{{ 7 * 7 }}", "{% raw %}", "{0.__globals__}", "%(x)s", "{{ ''.__class__.__mro__ }}", "#}", "${x}"]
)
def test_data_is_never_evaluated(data: str) -> None:
    assert rendered("<{{ x }}>{{ '%s' | format(x) }}", {"x": data}) == f"<{data}>{data}"


def test_naughty_strings_pass_through(corpora: File) -> None:
    words = json.loads((corpora / NAUGHTY).read_bytes())
    assert len(words) > 400
    assert rendered("{% for w in words %}{{ w }}\0{% endfor %}", {"words": words}).split("\0")[:-1] == words


def test_values_are_escaped_where_the_output_is_markup() -> None:
    assert rendered("<a>{{ x }}</a>", {"x": "<b> & \"'"}, escape="markup") == "<a>&lt;b&gt; &amp; &#34;&#39;</a>"
    assert rendered("<a>{{ x }}</a>", {"x": "<b>"}) == "<a><b></a>"


@pytest.mark.parametrize(
    ("template", "code", "line"),
    [
        ("a\n{{ surname }}", "K010", 2),
        ("{% for v in visits %}\n{{ v.ward }}\n{% endfor %}", "K010", 2),
        ("{{ ''.__class__.__mro__ }}", "K011", 1),
        ("\n\n{{ visits.append(1) }}", "K011", 3),
        ("{{ '{0.__class__}'.format(1) }}", "K011", 1),
        ("{{ 1 / 0 }}", "K012", 1),
        ("\n{{ visits + 1 }}", "K012", 2),
        ("{{ range(1000000000) | list }}", "K012", 1),
        ("{{ lipsum() }}", "K010", 1),
        ("{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}", "K012", 1),
    ],
)
def test_what_a_template_may_not_or_cannot_do_is_a_fault_at_its_line(template: str, code: str, line: int) -> None:
    fault = fault_of(template, {"visits": [{"code": "Sokha"}]})
    assert (fault.code, fault.at) == (code, Place("t", line, 1))
    assert fault.hint and "Sokha" not in str(fault)


def test_output_has_a_limit() -> None:
    assert fault_of("{% for a in range(1000) %}xx{% endfor %}", {}, max_size=100).code == "K013"


@pytest.mark.parametrize(
    "template", ["{{ x", "{% for %}", "{{ x | nothing }}", "{{ x | random }}", "{% include name %}", "{% include '../x' %}"]
)
def test_a_template_that_cannot_be_read_is_refused_when_it_is_loaded(template: str) -> None:
    with pytest.raises(Fault) as raised:
        writer(template)
    assert raised.value.code == "K001" and raised.value.at and raised.value.at.file == "t"


def test_included_files_are_read_once_and_named_for_pinning() -> None:
    text = Text(TextSettings(template="t"))
    assert text.load(files(t="{% include 'head' %}{{ x }}", head="<{{ x }}>")) == ("t", "head")
    assert text.encode({"x": 1}) == b"<1>1"
    with pytest.raises(Fault) as raised:
        Text(TextSettings(template="t")).load(files(t="{% include 'gone' %}"))
    assert raised.value.code == "C150"


@given(st.dictionaries(st.text(max_size=4), st.text() | st.integers() | st.lists(st.text(), max_size=2), max_size=3))
@settings(max_examples=80, deadline=None)
def test_every_tree_is_rendered_or_refused_with_a_fault(tree: Any) -> None:
    assert rendered("{% for k in document %}{{ k }}={{ document[k] }};{% endfor %}", tree) == "".join(
        f"{k}={v};" for k, v in tree.items()
    )


@given(st.text("{}%# abx|.()'\"-\n[]", max_size=30))
@settings(max_examples=150, deadline=None)
def test_every_template_is_loaded_and_rendered_or_refused_with_a_fault(template: str) -> None:
    try:
        made = rendered(template, {"a": 1, "b": {"x": "y"}})
    except Fault:
        return
    assert isinstance(made, str)


@given(st.binary(max_size=40))
@settings(max_examples=80, deadline=None)
def test_bytes_are_read_or_refused_with_a_fault(body: bytes) -> None:
    for encoding in ("utf-8", "utf-16", "shift_jis"):
        try:
            tree = Text(TextSettings(encoding=encoding)).decode(body).tree
        except Fault:
            continue
        assert isinstance(tree["text"], str)


@pytest.mark.parametrize("file", sorted(SAMPLES.glob("*.template")), ids=lambda file: file.name)
def test_samples(file: File) -> None:
    """Beside each template stand a tree and the text that it makes of it."""
    text = Text(TextSettings(template=file.name))
    text.load(lambda name: (SAMPLES / name).read_bytes())
    assert text.encode(json.loads(file.with_suffix(".json").read_bytes())) == file.with_suffix(".txt").read_bytes()


def test_the_catalog_finds_it() -> None:
    assert catalog.part("formats", "text") is Text and Text(TextSettings()).name == "text"
