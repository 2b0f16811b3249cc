"""CSV: every row or group is a message that can be read alone, a bad row spoils no other, and it comes back mendable."""

from __future__ import annotations

import csv
import datetime
import io
import json
import time
from pathlib import Path as File
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from interpres import catalog
from interpres.document import MISSING
from interpres.fault import Fault, Faults, Place
from interpres.format import Loop, Scope
from interpres.formats.csv import Csv, CsvSettings
from interpres.path import Every, Index, Key, Path, Step, Where

SPECTRUM = "S03-csv/max-mapper+csv-spectrum"
NAUGHTY = "S07-naughty/minimaxir+big-list-of-naughty-strings/blns.json"
SAMPLES = File(__file__).parents[2] / "samples/formats/csv"


def reader(**settings_: Any) -> Csv:
    return Csv(CsvSettings(**settings_))


def read(body: bytes, **settings_: Any) -> list[Any]:
    """The tree of every message, or the codes and places of its faults."""
    table = reader(**settings_)
    body = table.unpack(body)
    return [tree_or_faults(table, message) for message in table.messages(body)]


def tree_or_faults(table: Csv, message: bytes) -> Any:
    try:
        return table.decode(message).tree
    except Fault as fault:
        return [(fault.code, fault.source)]
    except Faults as faults:
        return [(fault.code, fault.source) for fault in faults]


def refused(body: bytes, **settings_: Any) -> list[tuple[int, int, list[Fault]]]:
    """The slices that are refused, their faults counted in the file."""
    table = reader(**settings_)
    found = []
    for (start, end), message in zip(table.split(body), table.messages(body), strict=True):
        try:
            table.decode(message)
        except Fault as fault:
            found.append((start, end, [fault]))
        except Faults as faults:
            found.append((start, end, list(faults)))
    return found


# one message a row


def test_every_row_is_a_message_that_can_be_read_alone() -> None:
    body = b"Visit No,Qty\r\nV1,2\r\nV2,\r\n"
    assert list(reader().split(body)) == [(0, 20), (20, 25)]
    assert reader().head(body) == b"Visit No,Qty\r\n"
    assert read(body) == [{"Visit No": "V1", "Qty": "2"}, {"Visit No": "V2"}]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_line_ends_and_delimiters_are_found(end: str, delimiter: str) -> None:
    rows = [["code", "note"], ["1", f"two{end}lines"], ["2", f"a{delimiter}b"], ["3", 'say ""hi""']]
    body = end.join(delimiter.join([r[0], f'"{r[1]}"']) for r in rows).encode()
    assert read(body) == [
        {"code": "1", "note": f"two{end}lines"},
        {"code": "2", "note": f"a{delimiter}b"},
        {"code": "3", "note": 'say "hi"'},
    ]


def test_the_sep_line_of_excel_is_obeyed() -> None:
    assert read(b"sep=;\r\na,b;c\r\n1,2;3\r\n") == [{"a,b": "1,2", "c": "3"}]
    assert read(b"sep=;\n1;2\n3;4\n", header=["x", "y"]) == [{"x": "1", "y": "2"}, {"x": "3", "y": "4"}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_utf8_and_utf16_are_known_by_their_marks(encoding: str) -> None:
    body = "ឈ្មោះ,note\nសុខា,😀\nចាន់,x\n".encode(encoding)
    assert read(body) == [{"ឈ្មោះ": "សុខា", "note": "😀"}, {"ឈ្មោះ": "ចាន់", "note": "x"}]


@pytest.mark.parametrize("encoding", ["windows-1258", "windows-1252", "iso-8859-1", "cp437", "shift_jis", "gb18030", "utf-16-le"])
def test_other_encodings_are_declared(encoding: str) -> None:
    word = "表予" if encoding in ("shift_jis", "gb18030") else "é"
    body = f"name,code\n{word},1\nb,{word}\n".encode(encoding)
    assert read(body, encoding=encoding) == [{"name": word, "code": "1"}, {"name": "b", "code": word}]


def test_bytes_of_another_encoding_spoil_their_own_row_only() -> None:
    assert read(b"name,code\nRen\xe9e,1\nAnn,2\n") == [[("T002", "row 1")], {"name": "Ann", "code": "2"}]
    assert read(b"\xff\xfea\x00\n\x00\x00\xd8")[0][0][0] == "T002"


def test_the_header_may_stand_lower_be_named_or_be_none() -> None:
    assert read(b"Report of May\n\na,b\n1,2\n", header=3) == [{"a": "1", "b": "2"}]
    assert read(b"\n\na,b\n1,2\n") == [{"a": "1", "b": "2"}]
    assert read(b"1,2\n3,4\n", header=["x", "y"]) == [{"x": "1", "y": "2"}, {"x": "3", "y": "4"}]
    assert read(b"1,2\n3\n", header="none") == [{"A": "1", "B": "2"}, {"A": "3"}]


def test_headers_are_trimmed_and_composed_and_cells_are_not() -> None:
    assert read("Me\u0302 , b\n x ,y\n".encode()) == [{"Mê": " x ", "b": "y"}]


def test_blank_rows_belong_to_what_stands_before_them() -> None:
    body = b"a,b\n\n1,2\n , \n\n3,4\n\n"
    assert list(reader().split(body)) == [(0, 14), (14, len(body))]
    assert read(body) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    assert read(b"a,b\n,\n1,2\n", skip_blank=False) == [[("T016", "row 1")], {"a": "1", "b": "2"}]


def test_what_a_spreadsheet_would_run_passes_unchanged() -> None:
    cells = ["=cmd|' /C calc'!A0", "@SUM(1)", "+1", "-1"]
    assert read("a,b,c,d\n{}\n".format(",".join(cells)).encode()) == [dict(zip("abcd", cells, strict=True))]
    assert reader().encode([dict(zip("abcd", cells, strict=True))]).decode() == "a,b,c,d\r\n{}\r\n".format(",".join(cells))


# damage


@pytest.mark.parametrize(
    ("body", "code", "source"),
    [
        (b"", "T001", "header"),
        (b"\xef\xbb\xbf", "T001", "header"),
        (b"\n\r\n", "T001", "header"),
        (b"a,b\n", "T014", "header"),
        (b"a,b,a\n1,2,3\n", "T003", "header: a"),
        (b'a,"b\n1,2\n', "T008", "header"),
        (b"a,,c\n1,2,3\n", "T005", "row 1: cell 2"),
        (b"a,b\n1,2,3\n", "T006", "row 1"),
        (b"a,b,c\n1\n", "T007", "row 1: b"),
        (b'a,b\n1,"2\n', "T008", "row 1"),
        (b'a,b\n1,"2" x\n', "T008", "row 1"),
        (b"a,b\n1,\x00\n", "T009", "row 1: b"),
        (b"a,b\n1,xxxxxxxx\n", "T010", "row 1: b"),
        (b"a,b,c,d\n1,2,3,4\n", "T011", "header"),
    ],
)
def test_damage_is_named_with_row_and_column(body: bytes, code: str, source: str) -> None:
    assert read(body, max_cell=7, max_columns=3) == [[(code, source)]]


def test_a_row_with_several_faults_names_them_all() -> None:
    assert read(b"a,,c\n\x00,x,1,2\n") == [[("T009", "row 1: a"), ("T005", "row 1: cell 2"), ("T006", "row 1")]]


def test_blank_cells_beyond_the_header_are_nothing() -> None:
    assert read(b"a,b,,\n1,2,,,,\n") == [{"a": "1", "b": "2"}]


def test_a_bad_row_spoils_no_other() -> None:
    body = b'a,b\n1,2\n3,"never closed\n5,6\n7,"x\ny"\n8,"q" r\n9,"""z"""\n'
    assert read(body) == [
        {"a": "1", "b": "2"},
        [("T008", "row 1")],
        {"a": "5", "b": "6"},
        {"a": "7", "b": "x\ny"},
        [("T008", "row 1")],
        {"a": "9", "b": '"z"'},
    ]


def test_a_quote_inside_an_unquoted_cell_is_a_quote() -> None:
    assert read(b'size,b\n5" tube,2\n') == [{"size": '5" tube', "b": "2"}]


@pytest.mark.parametrize("line", [b'a",\n,"', b'"x\n', b'",""\n', b'"""\n', b'x,"""a\n', b'"a"b\n'])
def test_quotes_that_never_come_out_even_cost_linear_time(line: bytes) -> None:
    body = b"a,b\n" + line * 20_000
    begun = time.perf_counter()
    assert sum(1 for _ in reader().split(body)) > 1
    assert time.perf_counter() - begun < 3


def test_a_header_chooses_the_delimiter_that_its_quotes_agree_with() -> None:
    assert read(b'a;"b,c"\n1;2\n') == [{"a": "1", "b,c": "2"}]


def test_one_huge_line_is_read_in_linear_time() -> None:
    body = b"a,b\n" + b'"x""y",' * 300_000
    begun = time.perf_counter()
    assert read(body, max_columns=3)[0][0][0] == "T006"
    assert time.perf_counter() - begun < 3


def test_no_value_of_a_row_is_in_what_a_fault_says() -> None:
    for _, _, faults in refused(b'a,b\nSokha,"never\nSokha\nSokha,2,Sokha\n\x00,Sokha\n'):
        assert not any("Sokha" in str(fault) for fault in faults)


# groups

GROUPED = b"Visit,Item,Qty\nV1,a,1\nV1,b,2\nV2,c,3\n"


def test_adjacent_rows_of_one_key_are_one_record() -> None:
    assert read(GROUPED, group_by=["Visit"]) == [
        {"rows": [{"Visit": "V1", "Item": "a", "Qty": "1"}, {"Visit": "V1", "Item": "b", "Qty": "2"}]},
        {"rows": [{"Visit": "V2", "Item": "c", "Qty": "3"}]},
    ]
    assert list(reader(group_by=["Visit"]).split(GROUPED)) == [(0, 29), (29, 36)]


def test_a_key_whose_rows_stand_apart_is_refused_and_its_neighbours_are_not() -> None:
    body = GROUPED + b"V1,d,4\nV3,e,5\n"
    found = read(body, group_by=["Visit"])
    assert found[0] == [("T013", "row 4: Visit")]
    assert [record["rows"][0]["Visit"] for record in found[1:]] == ["V2", "V3"]


def test_a_table_that_was_never_sorted_is_refused_once() -> None:
    body = b"Visit,Qty\n" + b"".join(b"V%d,1\n" % (n % 150) for n in range(300))
    assert read(body, group_by=["Visit"]) == [[("T013", "row 151: Visit")]]


def test_a_blank_key_and_a_damaged_row_are_messages_of_their_own() -> None:
    body = b'Visit,Qty\nV1,1\n,2\n,3\nV2,"x\nV3,4\n'
    assert read(body, group_by=["Visit"]) == [
        {"rows": [{"Visit": "V1", "Qty": "1"}]},
        [("T012", "row 1: Visit")],
        [("T012", "row 1: Visit")],
        [("T008", "row 1")],
        {"rows": [{"Visit": "V3", "Qty": "4"}]},
    ]


def test_all_faults_of_a_group_are_told_at_once() -> None:
    assert read(b"Visit,Qty\nV1,1,x\nV1,2\nV1,\x00\n", group_by=["Visit"]) == [[("T006", "row 1"), ("T009", "row 3: Qty")]]


def test_a_row_of_another_encoding_spoils_its_group() -> None:
    body = b"Visit,Name\nV1,a\nV1,\xe9\nV1,c\nV2,d\n"
    assert read(body, group_by=["Visit"]) == [[("T002", "row 2")], {"rows": [{"Visit": "V2", "Name": "d"}]}]


def test_a_header_without_the_key_columns_is_one_fault() -> None:
    table = reader(group_by=["Visit No"])
    assert list(table.split(b"visit no,b\n1,2\n3,4\n")) == [(0, 19)]
    with pytest.raises(Fault) as raised:
        table.decode(b"visit no,b\n1,2\n3,4\n")
    assert raised.value.code == "T004" and raised.value.hint == "did you mean 'visit no'?"


def test_a_file_that_was_not_split_is_refused() -> None:
    with pytest.raises(Fault) as raised:
        reader(group_by=["Visit"]).decode(GROUPED)
    assert raised.value.code == "T015"
    with pytest.raises(Fault) as raised:
        reader().decode(GROUPED)
    assert raised.value.code == "T015"


# what comes back


def test_faults_are_placed_at_the_line_of_the_file() -> None:
    body = b'a,b\n1,"x\ny"\n\n2,3,4\n5\n'
    table = reader()
    assert [table.placed(faults[0], body, start).source for start, _, faults in refused(body)] == ["line 5", "line 6: b"]


def test_refused_rows_come_back_with_four_columns() -> None:
    body = b"Visit;Item\nV1;a\nV2;b;c\nV3;d\nV3\n"
    back = reader(group_by=["Visit"]).rejected(body, refused(body, group_by=["Visit"]))
    assert back.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(back.decode("utf-8-sig")), delimiter=";"))
    assert rows[0] == ["Visit", "Item", "", "line", "field", "problem", "hint"]
    assert [row[:5] for row in rows[1:]] == [["V2", "b", "c", "3", ""], ["V3", "d", "", "4", ""], ["V3", "", "", "5", "Item"]]
    assert rows[1][5].startswith("the row has 3 cells") and rows[2][5] == "" and rows[3][6]


def test_a_table_without_rows_has_none_to_give_back() -> None:
    body = b"Visit,Name\n"
    assert reader().rejected(body, refused(body)) == b""


@pytest.mark.parametrize("setting", [{}, {"header": ["a", "b"]}, {"header": "none"}, {"encoding": "windows-1252"}])
def test_a_rejected_table_can_be_mended_and_dropped_again(setting: dict[str, Any]) -> None:
    body = (b"" if "header" in setting else b"a,b\n") + b"1,2\n3,4,5\n"
    back = reader(**setting).rejected(body, refused(body, **setting)) if setting.get("header") != "none" else None
    if back is None:
        body = b'1,"2\n'
        back = reader(**setting).rejected(body, refused(body, **setting))
    again = read(back, **setting)
    assert len(again) == 1 and again[0][0][0] == "T005"
    mended = back.replace(b"4,5,", b"4,,").replace(b',"1,""2",', b"3,4,,") if setting.get("header") != "none" else None
    if mended:
        assert list(read(mended, **setting)[0].values()) == ["3", "4"]


def test_own_columns_are_passed_over_only_where_they_come_last() -> None:
    assert read(b"a,line,field,problem,hint\n1,2,,wrong,mend\n") == [{"a": "1"}]
    assert read(b"line,field,problem,hint,a\n1,2,3,4,5\n") == [{"line": "1", "field": "2", "problem": "3", "hint": "4", "a": "5"}]
    assert read(b"a,line\n1,2\n") == [{"a": "1", "line": "2"}]


def test_of_scattered_rows_only_their_own_come_back() -> None:
    body = GROUPED + b"V1,d,4\n"
    back = reader(group_by=["Visit"]).rejected(body, refused(body, group_by=["Visit"]))
    assert [row["line"] for row in csv.DictReader(io.StringIO(back.decode("utf-8-sig")))] == ["2", "3", "5"]


def test_what_was_placed_in_the_file_comes_back_at_its_own_row() -> None:
    body = b"Visit,Item\nV1,a\nV1,b\nV2,c\nV2,d\n"
    table = reader(group_by=["Visit"])
    wrong = (
        Fault("M250", "they differ", source="row 2: Item"),
        Fault("M229", "no code", source="Item"),
        Fault("V1", "it is empty"),
    )
    refused_ = [(a, b, [table.placed(f, body, a) for f in (*wrong, wrong[0])]) for a, b in table.split(body)]
    assert [[f.source for f in faults] for _, _, faults in refused_] == [
        ["line 3: Item", "line 2: Item", "line 2", "line 3: Item"],
        ["line 5: Item", "line 4: Item", "line 4", "line 5: Item"],
    ]
    back = list(csv.DictReader(io.StringIO(table.rejected(body, refused_).decode("utf-8-sig"))))
    assert [(r["line"], r["field"], r["problem"]) for r in back] == [
        ("2", "Item", "no code; it is empty"), ("3", "Item", "they differ"),
        ("4", "Item", "no code; it is empty"), ("5", "Item", "they differ"),
    ]  # fmt: skip


def test_a_table_whose_header_is_wrong_goes_back_whole() -> None:
    assert reader().rejected(b"a,a\n1,2\n", [(0, 8, [Fault("T003", "x")])]) == b""


# writing


def test_a_list_of_rows_is_written_as_a_table() -> None:
    rows = [{"a": "x,y", "b": 1}, {"a": 'say "hi"\n', "c": True, "b": None}, {"b": MISSING}]
    assert reader().encode(rows) == b'a,b,c\r\n"x,y",1,\r\n"say ""hi""\n",,true\r\n,,\r\n'
    assert reader(delimiter=";", header=["b", "a"]).encode({"a": "1", "b": "2"}) == b"b;a\r\n2;1\r\n"
    assert reader(header="none").encode({"rows": [{"a": "1"}]}) == b"1\r\n"


@pytest.mark.parametrize(
    ("tree", "setting", "code"),
    [
        ("text", {}, "T030"),
        ([{"a": []}], {}, "T030"),
        ([{"a": 1}], {"header": ["b"]}, "T030"),
        ([{"a": "ខ"}], {"encoding": "cp1252"}, "T031"),
    ],
)
def test_what_a_table_cannot_hold_is_refused(tree: Any, setting: dict[str, Any], code: str) -> None:
    with pytest.raises(Fault) as raised:
        reader(**setting).encode(tree)
    assert raised.value.code == code


# workbooks


def workbook(*rows: list[Any], sheets: int = 1) -> bytes:
    book = openpyxl.Workbook()
    assert book.active
    for row in rows:
        book.active.append(row)
    for _ in range(sheets - 1):
        book.create_sheet()
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_workbook_is_read_like_a_table() -> None:
    body = workbook(
        ["Visit", "Day", "At", "Qty", "Price", "Paid", "Time", "Sum"],
        [
            "V1",
            datetime.date(2026, 1, 5),
            datetime.datetime(2026, 1, 5, 10, 30),
            2.0,
            0.1 + 0.2,
            True,
            datetime.time(8, 5),
            "#N/A",
        ],
        ["V1", None, None, 12345678901234, -1.5, False, None, None],
        ["V2", None, None, 1e-7, "two\nlines, quoted", None, None, None],
    )
    first, second = read(body, group_by=["Visit"])
    assert first["rows"][0] == {
        "Visit": "V1", "Day": "2026-01-05", "At": "2026-01-05T10:30:00", "Qty": "2", "Price": "0.3", "Paid": "TRUE",
        "Time": "08:05:00", "Sum": "#N/A",
    }  # fmt: skip
    assert first["rows"][1] == {"Visit": "V1", "Qty": "12345678901234", "Price": "-1.5", "Paid": "FALSE"}
    assert second["rows"] == [{"Visit": "V2", "Qty": "0.0000001", "Price": "two\nlines, quoted"}]


def test_a_workbook_keeps_its_row_numbers() -> None:
    body = workbook(["Report"], [], ["a", "b"], [], ["1", "2"], ["3"])
    table = reader(header=3)
    text = table.unpack(body)
    slices = list(table.split(text))
    assert [table.placed(Fault("T000", "x", source="row 1"), text, start).source for start, _ in slices] == ["line 5", "line 6"]
    assert read(body, header=3) == [{"a": "1", "b": "2"}, {"a": "3"}]


def test_the_sheet_is_chosen_by_name_or_number() -> None:
    body = workbook(["a"], ["1"], sheets=2)
    assert read(body, sheet=1) == read(body, sheet="Sheet") == [{"a": "1"}]
    for wrong in ({}, {"sheet": 3}, {"sheet": "Shet"}):
        with pytest.raises(Fault) as raised:
            reader(**wrong).unpack(body)
        assert raised.value.code == "T025"


def test_a_workbook_that_was_not_unpacked_is_one_message() -> None:
    body = workbook(["a"], ["1"])
    assert list(reader().split(body)) == [(0, len(body))] and reader().head(body) == b""
    assert reader().decode(body).tree == {"a": "1"}


def test_a_lone_cell_far_away_costs_no_memory() -> None:
    book = openpyxl.Workbook()
    assert book.active
    book.active["A1"], book.active["XFD1048576"] = 1, 2
    out = io.BytesIO()
    book.save(out)
    with pytest.raises(Fault) as raised:
        reader().unpack(out.getvalue())
    assert raised.value.code == "T024"


# fuzz and real inputs


@given(
    st.binary(max_size=80) | st.text('ab,;"\n\r\t\0ខé', max_size=60).map(str.encode),
    st.sampled_from([{}, {"group_by": ["a"]}, {"header": "none"}]),
)
@settings(max_examples=250, deadline=None)
def test_bytes_are_read_or_refused_and_no_byte_is_left_out(noise: bytes, setting: dict[str, Any]) -> None:
    for body in (noise, b"a,b\n" + noise):
        table = reader(**setting)
        slices = list(table.split(body))
        assert slices == sorted(slices) and slices[0][0] == 0
        assert set(range(len(body))) == {n for start, end in slices for n in range(start, end)}
        back = table.rejected(body, refused(body, **setting))
        assert isinstance(back, bytes)


CELL = st.text(st.characters(blacklist_categories=["Cs", "Cc"]) | st.sampled_from('",;\n\r'), max_size=6).filter(
    lambda cell: not cell.isspace()
)


@given(
    st.lists(st.lists(CELL, min_size=3, max_size=3).filter(any), min_size=1, max_size=6),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=150, deadline=None)
def test_what_another_writer_wrote_is_read_as_it_meant(rows: list[list[str]], delimiter: str, end: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([["a", "b", "c"], *rows])
    wanted = [{name: cell for name, cell in zip("abc", row, strict=True) if cell} for row in rows]
    assert read(out.getvalue().encode()) == wanted
    assert read(reader().encode([{**dict.fromkeys("abc"), **row} for row in wanted])) == wanted


def test_the_spectrum_is_read_as_its_json_says(corpora: File) -> None:
    files = sorted((corpora / SPECTRUM / "csvs").glob("*.csv"))
    assert len(files) > 10
    for file in files:
        wanted = json.loads((corpora / SPECTRUM / "json" / f"{file.stem}.json").read_text("utf-8"))
        wanted = wanted if isinstance(wanted, list) else [wanted]
        found = read(file.read_bytes())
        if file.stem == "location_coordinates":  # its JSON says another telephone number than its CSV
            found = [{**row, "Contact Phone Number": wanted[0]["Contact Phone Number"]} for row in found]
        if file.stem == "newlines_crlf":  # its CSV was stored with LF
            wanted = [{k: v.replace("\r\n", "\n") for k, v in row.items()} for row in wanted]
        assert found == [{k: v for k, v in row.items() if v} for row in wanted], file.name


def test_naughty_strings_pass_through_cells(corpora: File) -> None:
    words = [w for w in json.loads((corpora / NAUGHTY).read_bytes()) if w.strip() and "\0" not in w]
    assert len(words) > 400
    assert [row["word"] for row in read(reader().encode([{"n": 1, "word": w} for w in words]))] == words


@pytest.mark.parametrize("file", sorted(SAMPLES.glob("*.csv")), ids=lambda file: file.name)
def test_samples(file: File) -> None:
    """Beside each sample stand its settings with the trees and faults of its messages."""
    story = json.loads(file.with_suffix(".json").read_text("utf-8"))
    table = reader(**story["settings"])
    found: list[Any] = []
    body = file.read_bytes()
    for (start, _), message in zip(table.split(body), table.messages(body), strict=True):
        try:
            found.append(table.decode(message).tree)
        except (Fault, Faults) as wrong:
            faults = wrong if isinstance(wrong, Faults) else [wrong]
            found.append([table.placed(fault, body, start).line() for fault in faults])
    assert found == story["messages"]


# settings and paths


@pytest.mark.parametrize(
    "wrong",
    [{"delimeter": ","}, {"delimiter": ",,"}, {"delimiter": "a"}, {"delimiter": '"'}, {"encoding": "utf-9"},
     {"encoding": "base64"}, {"header": 0}, {"header": ["a", "a"]}, {"header": ["a"], "group_by": ["b"]}, {"quote": "\n"}],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CsvSettings(**wrong)


def path(*parts: Any, root: Any = "document", name: str = "") -> Path:
    return Path(root, name, tuple(parts), "the path", Place("m.yaml", 1, 1))


class Told:
    def __init__(self) -> None:
        self.reads: list[tuple[str, str | None]] = []

    def read(self, path: str, text: str | None) -> None:
        self.reads.append((path, text))


RECORD = {
    "rows": [
        {"Visit": "V1", "Kind": "SRV", "Unit price": "2"},
        {"Visit": "V1", "Kind": "MED", "Unit price": "3"},
        {"Visit": "V1"},
    ]
}


def run(table: Csv, code: str, trace: Told | None = None, **names: Any) -> Any:
    return eval(code, {**table.paths.runtime(trace), "document": RECORD, **names})


def condition(test: str, item: str, chosen: Path) -> str:
    paths = reader(group_by=["Visit"]).paths
    return f"{paths.value(path(Key('Kind'), root='here'), Scope('document', here=Loop(item, '', chosen)))} == {test!r}"


def test_columns_and_rows_are_read_by_their_names() -> None:
    table = reader(group_by=["Visit"])
    scope = Scope("document", condition=condition)
    assert run(table, table.paths.value(path(root="name", name="Visit"), scope)) == "V1"
    assert run(table, table.paths.value(path(Key("Visit")), scope)) == "V1"
    second = path(Index(2), Key("Unit price"), root="name", name="rows")
    assert run(table, table.paths.value(second, scope)) == "3"
    assert run(table, table.paths.value(path(Index(0), Key("Visit"), root="name", name="rows"), scope)) is MISSING
    medicines = path(Where("MED", many=True), root="name", name="rows")
    assert run(table, table.paths.items(medicines, scope)) == [RECORD["rows"][1]]
    every = path(Every(), Key("Kind"), root="name", name="rows")
    assert run(table, table.paths.value(every, scope)) == ["SRV", "MED", MISSING]
    inside = table.paths.value(path(Key("Unit price"), root="item"), Scope("document", (Loop("row", "n"),)))
    assert run(table, inside, row=RECORD["rows"][0]) == "2"


def test_a_bare_column_on_which_rows_do_not_agree_is_a_fault() -> None:
    table = reader(group_by=["Visit"])
    for name in ("Kind", "Unit price"):
        with pytest.raises(Fault) as raised:
            run(table, table.paths.value(path(root="tick", name=name), Scope("document")))
        assert raised.value.code == "M250" and raised.value.source == f"row 2: {name}"


def test_a_trace_is_told_rows_and_columns() -> None:
    table, trace = reader(group_by=["Visit"]), Told()
    run(table, table.paths.value(path(root="name", name="Visit"), Scope("document")), trace)
    run(table, table.paths.value(path(Index(2), Key("Unit price"), root="name", name="rows"), Scope("document")), trace)
    loop = table.paths.items(path(root="name", name="rows"), Scope("document"))
    item = table.paths.value(path(Key("Kind"), root="item"), Scope("document", (Loop("row", "n"),)))
    run(table, f"[{item} for row in {loop}]", trace)
    assert trace.reads == [
        ("Visit", "V1"),
        ("row 2: Unit price", "3"),
        ("row 1: Kind", "SRV"),
        ("row 2: Kind", "MED"),
        ("row 3: Kind", None),
    ]


def test_a_column_of_a_single_row_is_a_key() -> None:
    table = reader()
    code = table.paths.value(path(root="name", name="Me\u0302"), Scope("document"))
    assert run(table, code, document={"Mê": "x"}) == "x"


def test_paths_that_cannot_be_are_found_without_a_message() -> None:
    table = reader()
    assert [f.code for f in table.paths.check(path(Key("x"), root="name", name="a"), [])] == ["M104"]
    assert "group_by" in next(table.paths.check(path(Index(1), root="name", name="rows"), [])).hint
    assert [f.code for f in table.paths.check(path(Step("/", "x"), root="item"), [])] == ["M104"]
    assert not list(reader(group_by=["a"]).paths.check(path(Index(1), Key("b"), root="name", name="rows"), []))


def test_the_catalog_finds_it() -> None:
    assert catalog.part("formats", "csv") is Csv and reader().name == "csv"
