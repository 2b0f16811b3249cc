"""XML: nothing hostile is read, paths find what XPath would, and copies differ only where they are told to."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path as File
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from pydantic import ValidationError

from interpres import catalog
from interpres.document import MISSING
from interpres.fault import Fault, Place
from interpres.format import Loop, Scope
from interpres.formats.xml import Xml, XmlSettings
from interpres.path import Every, Field, Index, Key, Path, Step, Where

BOMBS = "S08-xmlbombs/tiran+defusedxml/xmltestdata"
SAMPLES = File(__file__).parents[2] / "samples/formats/xml"

XML = Xml(XmlSettings(namespaces={"h": "urn:hl7-org:v3"}))
HARMLESS = {"simple.xml", "simple-ns.xml", "schema-include.xsd", "xalan_exec.xsl", "xalan_write.xsl"}
"""Files of the hostile collection that are mere XML: what they ask for, only a stylesheet or schema processor would do."""


def fault_of(body: bytes, reader: Xml = XML) -> Fault | None:
    try:
        reader.decode(body)
    except Fault as fault:
        return fault
    return None


@pytest.mark.parametrize(
    ("body", "code", "source"),
    [
        (b"", "L001", "line 1, column 1"),
        (b"\xef\xbb\xbf \n <!-- nothing -->", "L001", "line 1, column 1"),
        (b'<?xml version="1.0" encoding="UTF-7"?>+ADw-a/+AD4-', "L002", "line 1, column 1"),
        (b'<?xml version="1.0" encoding="IBM037"?><a/>', "L002", "line 1, column 1"),
        (b"<a>\n\xff</a>", "L002", "line 2"),
        ('<?xml version="1.0" encoding="utf-16"?><a/>'.encode("utf-16-le"), "L002", "line 1, column 1"),
        (b'<?xml version="1.0"?>\n<!-- <a> -->\n<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "L003", "line 3"),
        ("<!DOCTYPE a><a/>".encode("utf-16"), "L003", "line 1"),
        (b"<a>\n <b></a>", "L004", "line 2, column 9"),
        (b"<a/>\n<b/>", "L004", "line 2, column 1"),
        (b'{"not": "xml"}', "L004", "line 1, column 1"),
        (b'<a b="1" b="2"/>', "L004", "line 1, column 15"),
        (b"<a>\x01</a>", "L004", "line 1, column 4"),
        (b"<a", "L004", "line 1, column 3"),
        (b"<x:a/>", "L005", "line 1, column 5"),
        (b"<a>" * 257 + b"</a>" * 257, "L006", "line 1, column 771"),
        (b"<a>" * 100_000, "L006", "line 1, column 771"),
        (b"<a>\n&nbsp;</a>", "L008", "line 2, column 7"),
    ],
)
def test_what_cannot_be_read_is_named_where_it_is(body: bytes, code: str, source: str) -> None:
    fault = fault_of(body)
    assert fault and (fault.code, fault.source) == (code, source)
    assert fault.hint


def test_hostile_documents_are_refused_before_they_do_anything(corpora: File) -> None:
    files = sorted((corpora / BOMBS).iterdir())
    assert len(files) > 10
    for file in files:
        fault = fault_of(file.read_bytes())
        assert (fault is None) == (file.name in HARMLESS), file.name
        assert fault is None or fault.code == "L003", file.name


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE a SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]>',
        '<!DOCTYPE a [<!ATTLIST a b CDATA "c">]>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig", "iso-8859-1"])
def test_no_encoding_hides_a_document_type(doctype: str, encoding: str) -> None:
    declared = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'
    fault = fault_of(f"{declared}<?p ?><!--c-->\n{doctype}<a/>".encode(encoding))
    assert fault and fault.code == "L003"


def test_what_asks_for_files_is_read_as_mere_elements() -> None:
    body = (
        b'<?xml version="1.0"?><?xml-stylesheet href="http://127.0.0.1:9/x.xsl"?>'
        b'<a xmlns:xi="http://www.w3.org/2001/XInclude" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        b' xsi:schemaLocation="urn:x http://127.0.0.1:9/x.xsd"><xi:include href="file:///etc/passwd" parse="text"/></a>'
    )
    root = XML.decode(body).tree
    assert [e.tag for e in root] == ["{http://www.w3.org/2001/XInclude}include"] and not root[0].text


def test_a_doctype_inside_text_is_text() -> None:
    assert XML.decode(b"<a><![CDATA[<!DOCTYPE html>]]></a>").tree.text == "<!DOCTYPE html>"


def test_large_documents_are_read_in_time_and_larger_ones_refused() -> None:
    begun = time.perf_counter()
    attributes = b" ".join(b'x%d="1"' % n for n in range(100_000))
    assert fault_of(b"<a " + attributes + b"/>") is None
    fault = fault_of(b"<a>" + b"x" * 10_000_001 + b"</a>")
    assert fault and fault.code == "L007"
    fault = fault_of(b"<a><![CDATA[" + b"x" * 10_000_001 + b"]]></a>")
    assert fault and fault.code == "L007"
    small = Xml(XmlSettings(max_size=10, max_depth=2))
    fault = fault_of(b"<aaaaaaaaaaa/>", small)
    assert fault and fault.code == "L009"
    fault = fault_of(b"<a><b><c/></b></a>", Xml(XmlSettings(max_depth=2)))
    assert fault and fault.code == "L006"
    assert time.perf_counter() - begun < 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "windows-1258", "iso-8859-1"])
def test_encodings_are_declared_or_marked(encoding: str) -> None:
    assert XML.decode(f'<?xml version="1.0" encoding="{encoding}"?><a>é</a>'.encode(encoding)).tree.text == "é"


def test_no_text_of_a_message_is_in_what_a_fault_says() -> None:
    for body in (b"<Sokha></Chan>", b"<a>&Sokha;</a>", b"<Sokha:a/>", b'<a Sokha="1" Sokha="2"/>', b"<a>Sokha\xff</a>"):
        fault = fault_of(body)
        assert fault and "Sokha" not in str(fault)


@given(st.binary(max_size=60) | st.text("<>/!?[]&;#=\"' abxD-CTA:éខ\x01", max_size=50).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_bytes_are_read_or_refused_with_a_fault(noise: bytes) -> None:
    for body in (noise, b"<a>" + noise + b"</a>", b'<a b="' + noise + b'"/>'):
        fault_of(body)


# paths

BODY = b"""<?xml version="1.0"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:sdtc="urn:hl7-org:sdtc">
  <id root="1.2" extension=""/>
  <title>Visit <!-- of --> today</title>
  <blank>  </blank>
  <gone xsi:nil="true"/>
  <entry><obs code="a"><sdtc:value>s</sdtc:value><value xsi:type="PQ" unit="kg">5</value></obs></entry>
  <entry><obs code="b"><value xsi:type="CD" code="K">x</value><value xsi:type="PQ">7</value></obs></entry>
</ClinicalDocument>"""


def C(name: str) -> Step:
    return Step("/", name)


def A(name: str) -> Step:
    return Step("/@", name)


def D(name: str) -> Step:
    return Step("//", name)


def path(*parts: Any, root: Any = "document", text: str = "the path", name: str = "") -> Path:
    return Path(root, name, parts, text, Place("m.yaml", 1, 1))


def equals(*left: Any, to: str, many: bool = False) -> Where:
    return Where((left, to), many)


def condition(test: tuple[tuple[Any, ...], str], item: str, chosen: Path) -> str:
    return f"{XML.paths.value(path(*test[0], root='here'), Scope('document', here=Loop(item, '', chosen)))} == {test[1]!r}"


SCOPE = Scope("document", condition=condition)


class Told:
    def __init__(self) -> None:
        self.reads: list[tuple[str, str | None]] = []

    def read(self, path: str, text: str | None) -> None:
        self.reads.append((path, text))


def find(*parts: Any, trace: Told | None = None) -> Any:
    return eval(XML.paths.value(path(*parts), SCOPE), {**XML.paths.runtime(trace), "document": XML.decode(BODY).tree})


def every(*parts: Any) -> list[Any]:
    return list(eval(XML.paths.items(path(*parts), SCOPE), {**XML.paths.runtime(None), "document": XML.decode(BODY).tree}))


@pytest.mark.parametrize(
    ("parts", "value"),
    [
        ((C("ClinicalDocument"), C("id"), A("root")), "1.2"),
        ((C("h:ClinicalDocument"), C("h:id"), A("root")), "1.2"),
        ((C("Other"), C("id"), A("root")), MISSING),
        ((D("title"),), "Visit  today"),
        ((D("blank"),), MISSING),
        ((D("id"), A("extension")), MISSING),
        ((D("gone"),), None),
        ((D("value"),), "5"),
        ((D("value"), A("code")), "K"),
        ((D("entry"), Index(2), C("obs"), C("value")), "x"),
        ((D("entry"), Index(2), C("obs"), C("value"), Index(2)), "7"),
        ((D("entry"), C("obs"), C("value"), Index(2)), "7"),
        ((D("entry"), Index(3)), MISSING),
        ((D("value"), equals(A("xsi:type"), to="CD"), A("code")), "K"),
        ((D("obs"), equals(A("code"), to="b"), C("value"), equals(A("xsi:type"), to="PQ")), "7"),
        ((D("obs"), equals(C("value"), to="5"), A("code")), "a"),
        ((D("obs"), Every(), A("code")), ["a", "b"]),
        ((D("value"), equals(A("xsi:type"), to="PQ", many=True)), ["5", "7"]),
        ((D("obs"), Every(), C("value"), A("code")), [MISSING, "K"]),
    ],
)
def test_the_first_that_is_found_is_taken(parts: tuple[Any, ...], value: Any) -> None:
    trace = Told()
    assert find(*parts) == value
    assert find(*parts, trace=trace) == value
    assert trace.reads


def test_steps_find_what_xpath_finds() -> None:
    root, spaces = XML.decode(BODY).tree, {"h": "urn:hl7-org:v3"}
    for parts, xpath in (
        ((D("value"),), "//h:value"),
        ((C("ClinicalDocument"), C("entry"), C("obs")), "/h:ClinicalDocument/h:entry/h:obs"),
        ((D("entry"), C("obs"), C("value"), Index(1)), "//h:entry/h:obs/h:value[1]"),
        ((D("entry"), D("value")), "//h:entry//h:value"),
        ((D("obs"), A("code")), "//h:obs/@code"),
    ):
        wanted = root.xpath(xpath, namespaces=spaces)
        assert [e if isinstance(e, str) else etree.tostring(e) for e in every(*parts)] == [
            e if isinstance(e, str) else etree.tostring(e) for e in wanted
        ]


def test_a_loop_goes_through_all_or_the_first_that_fits() -> None:
    assert len(every(D("entry"))) == 2
    assert len(every(D("entry"), C("obs"), equals(C("value"), to="x"))) == 1
    assert [e.get("code") for e in every(D("obs"), equals(A("code"), to="b", many=True))] == ["b"]


def test_a_trace_is_told_where_a_value_stands() -> None:
    trace = Told()
    find(D("entry"), Index(2), C("obs"), C("value"), Index(2), trace=trace)
    find(D("value"), A("xsi:type"), trace=trace)
    find(C("ClinicalDocument"), C("nothing"), A("x"), trace=trace)
    find(D("gone"), trace=trace)
    assert trace.reads == [
        ("/ClinicalDocument/entry[2]/obs/value[2]", "7"),
        ("/ClinicalDocument/entry[1]/obs/value/@xsi:type", "PQ"),
        ("/ClinicalDocument/nothing/@x", None),
        ("/ClinicalDocument/gone", "null"),
    ]


def test_a_trace_follows_attributes_that_a_loop_goes_to() -> None:
    trace = Told()
    item = XML.paths.value(path(root="item"), Scope("document", (Loop("item", "n"),)))
    code = f"[{item} for item in {XML.paths.items(path(D('obs'), A('code')), SCOPE)}]"
    assert eval(code, {**XML.paths.runtime(trace), "document": XML.decode(BODY).tree}) == ["a", "b"]
    assert trace.reads[1] == ("/ClinicalDocument/entry[2]/obs/@code", "b")


def test_steps_on_what_is_no_element_find_nothing() -> None:
    for node in ("text", {"a": 1}, MISSING, None, 5):
        runtime = XML.paths.runtime(None)
        assert runtime["xml_value"](node, "a") is MISSING
        assert runtime["xml_each"](node, "a", "@b") == []


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (path(root="name", name="title"), "/title"),
        (path(C("a"), Key("b")), "/b"),
        (path(C("x:a")), "namespaces"),
        (path(C("hh:a")), "did you mean 'h'?"),
        (path(A("a"), C("b")), "@a"),
        (path(C("a"), Index(0)), "[1]"),
        (path(C("a"), Field(1)), "/name"),
    ],
)
def test_paths_that_cannot_be_are_found_without_a_message(wrong: Path, hint: str) -> None:
    faults = list(XML.paths.check(wrong, []))
    assert [f.code for f in faults] == ["M104"] and hint in faults[0].hint
    assert not list(XML.paths.check(path(C("h:a"), A("xsi:type")), []))


def test_settings_that_make_no_sense_are_refused() -> None:
    for wrong in ({"namespaces": {"a b": "urn:x"}}, {"max_depth": 1000}, {"namespace": {}}):
        with pytest.raises(ValidationError):
            XmlSettings(**wrong)


# writing


def written(tree: Any, **settings_: Any) -> str:
    return (
        Xml(XmlSettings(**settings_)).encode(tree).decode().removeprefix('<?xml version="1.0" encoding="UTF-8"?>\n').rstrip("\n")
    )


def test_keys_are_elements_attributes_and_text() -> None:
    tree = {
        "HOSO": {
            "@id": 7,
            "NAME": "ចាន់ & <b>",
            "ITEM": ["1", Decimal("1.00"), True, None, MISSING],
            "NOTE": {"@k": 'a"b', "$text": "t"},
        }
    }
    assert written(tree) == (
        '<HOSO id="7"><NAME>ចាន់ &amp; &lt;b&gt;</NAME><ITEM>1</ITEM><ITEM>1.00</ITEM><ITEM>true</ITEM><ITEM/>'
        '<NOTE k="a&quot;b">t</NOTE></HOSO>'
    )


def test_namespaces_are_declared_where_they_are_used() -> None:
    xsi = "http://www.w3.org/2001/XMLSchema-instance"
    assert written({"A": {"@xmlns:xsi": xsi, "B": "1"}}) == f'<A xmlns:xsi="{xsi}"><B>1</B></A>'
    assert written({"A": {"@xmlns": "urn:a", "B": {"@c": "1"}}}) == '<A xmlns="urn:a"><B c="1"/></A>'
    assert written({"h:A": {"h:B": "1"}}, namespaces={"h": "urn:h", "x": "urn:x"}) == '<h:A xmlns:h="urn:h"><h:B>1</h:B></h:A>'
    assert written({"A": {"B": None}}, null="nil") == f'<A xmlns:xsi="{xsi}"><B xsi:nil="true"/></A>'


@pytest.mark.parametrize(
    ("tree", "code"),
    [
        ({}, "L020"),
        ({"a": 1, "b": 2}, "L020"),
        ({"a": [1, 2]}, "L020"),
        ("text", "L020"),
        ({"@a": 1}, "L020"),
        ({"a": {"$when": 1}}, "L020"),
        ({"a": {"x:b": 1}}, "L020"),
        ({"a": {"@b": {}}}, "L020"),
        ({"a": {"b c": 1}}, "L021"),
        ({"a b": 1}, "L021"),
        ({"a": "\x00"}, "L021"),
        ({"a": {"@b": "\ud800"}}, "L021"),
    ],
)
def test_what_xml_cannot_say_is_refused(tree: Any, code: str) -> None:
    with pytest.raises(Fault) as raised:
        XML.encode(tree)
    assert raised.value.code == code and raised.value.hint


NAMES = st.sampled_from(["a", "b", "C-1", "លេខ"])
TEXTS = st.text(
    st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufffe\uffff") | st.sampled_from("\r\n\t<&\"'"),
    max_size=8,
)
BUILT = st.recursive(
    TEXTS,
    lambda inner: st.dictionaries(NAMES | NAMES.map("@{}".format), inner, min_size=1, max_size=3).map(
        lambda d: {k: (v if not k.startswith("@") or isinstance(v, str) else "x") for k, v in d.items()}
    ),
    max_leaves=8,
)


@given(NAMES, BUILT)
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read_again(name: str, value: Any) -> None:
    body = XML.encode({name: value})
    root = XML.decode(body).tree
    assert as_tree(root) == value
    assert XML.encode(root) == body


def as_tree(element: Any) -> Any:
    found: dict[str, Any] = {f"@{k}": v for k, v in element.attrib.items()}
    found |= {inner.tag: as_tree(inner) for inner in element}
    return found or element.text or ""


def test_comments_and_instructions_around_the_root_are_kept() -> None:
    body = b'<?xml version="1.0" encoding="UTF-8"?>\n<?p q?><!--c--><a><!--d--><b/></a>\n'
    assert XML.encode(XML.decode(body).tree) == body


def test_readable_text_is_indented_and_damage_left_alone() -> None:
    assert XML.readable(b"<a><b>1</b></a>").endswith(b"<a>\n  <b>1</b>\n</a>\n")
    assert XML.readable(b"<a>") == b"<a>"


# edits


def edited(sets: list[tuple[Path, Any]], drops: list[str] | None = None, body: bytes = BODY, keep: Any = None) -> bytes:
    return XML.encode(XML.edit(XML.decode(body), sets, drops or [], keep))


def test_an_edit_changes_what_it_names_and_nothing_else() -> None:
    assert edited([]) == BODY
    root = C("ClinicalDocument")
    assert edited([(path(root, C("id"), A("root")), "9 < 10")]) == BODY.replace(b'"1.2"', b'"9 &lt; 10"')
    assert edited([(path(root, C("title")), "a & b")]) == BODY.replace(b"Visit <!-- of --> today", b"a &amp; b")
    assert edited([(path(D("obs"), A("new")), "1")]) == BODY.replace(b'<obs code="a"', b'<obs new="1" code="a"')
    assert edited([(path(root, C("id"), A("extension")), MISSING)]) == BODY.replace(b' extension=""', b"")
    assert edited([(path(root, C("blank")), MISSING)]) == BODY.replace(b"\n  <blank>  </blank>", b"")
    assert edited([(path(root, C("gone")), "here")]) == BODY.replace(
        b'<gone xsi:nil="true"/>', b'<gone xsi:nil="true">here</gone>'
    )


def test_an_edit_adds_what_is_not_there() -> None:
    assert edited([(path(C("a"), C("b"), C("c"), A("d")), "1")], body=b"<a/>") == b'<a><b><c d="1"></c></b></a>'
    assert (
        edited([(path(C("a"), C("b")), {"@k": "1", "c": ["x", "y"]})], body=b"<a></a>") == b'<a><b k="1"><c>x</c><c>y</c></b></a>'
    )
    assert edited([(path(C("a"), C("b")), MISSING)], body=b"<a/>") == b"<a/>"
    prefixed = b'<p:a xmlns:p="urn:hl7-org:v3"><p:b/></p:a>'
    assert edited([(path(C("h:a"), C("h:c")), "1")], body=prefixed) == prefixed.replace(b"</p:a>", b"<p:c>1</p:c></p:a>")
    assert edited([(path(C("a"), C("c")), "1")], body=prefixed) == prefixed.replace(b"</p:a>", b"<p:c>1</p:c></p:a>")


def test_an_edit_sets_every_element_that_it_chooses() -> None:
    where = Where(lambda element: element.get("code") == "b")
    assert edited([(path(D("obs"), where, A("code")), "c")]) == BODY.replace(b'code="b"', b'code="c"')
    assert edited([(path(D("obs"), Every(), A("code")), "c")]) == BODY.replace(b'code="b"', b'code="c"').replace(
        b'code="a"', b'code="c"'
    )
    assert edited([(path(D("entry"), Index(2), C("obs"), A("code")), "c")]) == BODY.replace(b'code="b"', b'code="c"')


def test_drops_take_out_all_that_they_name() -> None:
    assert edited([], ["//value"], b"<a>\n <value>1</value>\n <b/><value/></a>") == b"<a>\n <b/></a>"
    assert edited([], ["/a/b/@c"], b'<a><b c="1" d="2"/><b c="3"/></a>') == b'<a><b d="2"/><b/></a>'
    assert edited([], ["/a/b[2]"], b"<a><b/><b>2</b><b/></a>") == b"<a><b/><b/></a>"
    with pytest.raises(Fault) as raised:
        edited([], ["not a path"])
    assert raised.value.code == "L031"


def test_a_copy_for_one_item_leaves_its_siblings_and_empty_holders_out() -> None:
    body = b"<a><h/><g><i>1</i><i>2</i></g><g>\n<i>3</i></g><k/></a>"
    document = XML.decode(body)
    keep = document.tree.findall(".//i")[1]
    assert XML.encode(XML.edit(document, [], [], keep)) == b"<a><h/><g><i>2</i></g><k/></a>"


def test_edits_keep_the_documents_own_encoding() -> None:
    body = '<?xml version="1.0" encoding="windows-1252"?><a b="é"/>'.encode("cp1252")
    assert edited([(path(C("a"), C("c")), "éខ")], body=body) == body.replace(b"/>", b">") + b"<c>\xe9&#6017;</c></a>"
    assert edited([(path(C("a"), A("b")), "x")], body='<a b="é"/>'.encode("utf-16")) == '<a b="x"/>'.encode("utf-16")


@pytest.mark.parametrize(
    ("target", "value", "code"),
    [
        (path(C("ClinicalDocument"), C("entry")), "text", "L030"),
        (path(C("Other")), "text", "L030"),
        (path(C("ClinicalDocument")), MISSING, "L030"),
        (path(D("nowhere")), "text", "L030"),
        (path(C("ClinicalDocument"), C("new"), Index(2)), "text", "L030"),
        (path(C("ClinicalDocument"), C("title")), "\x00", "L021"),
        (path(Key("title")), "x", "L030"),
        (path(C("ClinicalDocument"), C("title")), ["x"], "L030"),
    ],
)
def test_a_target_that_cannot_be_set_is_a_fault(target: Path, value: Any, code: str) -> None:
    with pytest.raises(Fault) as raised:
        edited([(target, value)])
    assert raised.value.code == code


@given(NAMES, BUILT, TEXTS)
@settings(max_examples=60, deadline=None)
def test_data_never_becomes_structure(name: str, value: Any, text: str) -> None:
    """Whatever text is set, the copy has the same elements, and the text is read back."""
    body = XML.encode({"root": {name: value, "last": "x"}})
    copy = XML.decode(edited([(path(C("root"), C("last")), text), (path(C("root"), A("k")), text)], body=body)).tree
    assert [e.tag for e in copy.iter()] == [e.tag for e in XML.decode(body).tree.iter()]
    assert (copy.find("last").text or "") == text and copy.get("k") == text


# samples


@pytest.mark.parametrize("file", sorted(SAMPLES.glob("*.xml")), ids=lambda file: file.name)
def test_samples(file: File) -> None:
    """Beside each sample stands what its leaves say, `path = text` a line, or its fault."""
    try:
        root = XML.decode(file.read_bytes()).tree
        found = "".join(leaves(root))
    except Fault as fault:
        found = f"{fault.line()}\n"
    assert found == file.with_suffix(".tree").read_text("utf-8")


def leaves(root: Any) -> list[str]:
    found: list[str] = []
    for element in root.iter("*"):
        trace = Told()
        runtime = XML.paths.runtime(trace)
        for name in element.attrib:
            runtime["xml_value"](element, f"@{name}")
        if not element.xpath("*"):
            runtime["xml_value"](element)
        found += [f"{where} = {text}\n" for where, text in trace.reads]
    return found


def test_the_catalog_finds_it() -> None:
    assert catalog.part("formats", "xml") is Xml and XML.name == "xml"
