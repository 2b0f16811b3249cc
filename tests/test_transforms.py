"""The transforms that ship: every example in a docstring is run, every fault is worded, and hostile values give Faults alone."""

from __future__ import annotations

import functools
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.document import MISSING
from interpres.fault import Fault, Place
from interpres.mapping.compiling.invoke import KINDS, takes
from interpres.mapping.formula import Arrow, Binary, Call, Formula, Listing, Number, Text, Truth
from interpres.mapping.reading.grammar import parse
from interpres.transform import Transform, builtins
from interpres.values.times import Times

TIMES = Times.of(None)
HOME = Times.of("Asia/Phnom_Penh")


def bound(transform: Transform, times: Times = TIMES) -> Callable[..., Any]:
    return functools.partial(transform.function, times=times) if "times" in transform.wants else transform.function


def worked_out(formula: Formula | Arrow) -> Any:
    """A formula of constants and transforms alone, without the compiler."""
    match formula:
        case Text():
            return formula.text
        case Number():
            return formula.number
        case Truth():
            return formula.value
        case Listing():
            return [worked_out(item) for item in formula.items]
        case Call():
            return bound(builtins()[formula.name])(*map(worked_out, formula.arguments))
        case Binary(operator="="):
            return worked_out(formula.left) == worked_out(formula.right)
    raise AssertionError(f"an example holds more than constants and transforms: {formula}")


def call(name: str, *values: Any, times: Times = HOME) -> Any:
    return bound(builtins()[name], times)(*values)


NO_DATES = ("20230231", "20230229", "202313", "00000000", "٢٠٢٦١١٠٤", "", "04/11/2026", "1.5", "x", "2026-1104")
NO_TIMES = ("20261104240000", "202611042360", "20261104083060", "20261104083012+9999", "2026-11-04T08:30:00+15:00")
NO_NUMBERS = ("٣", "NaN", "Infinity", "1e400", "1_0", "0x1f", "1,5", "<5", "5-6", "", "1.2.3", "9" * 200, "1\n")
EXAMPLES = [(name, example) for name, transform in sorted(builtins().items()) for example in transform.examples]


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(EXAMPLES)])
def test_every_example_is_true(name: str, example: Any) -> None:
    formula = parse(example.call, Place(name, 1, 1), "tree")
    assert name in example.call
    assert repr(worked_out(formula)) == example.result


@pytest.mark.parametrize("name", sorted(builtins()))
def test_every_transform_is_documented(name: str) -> None:
    transform = builtins()[name]
    assert transform.examples, "it has an example"
    assert transform.about.endswith((".", ")")) or "." in transform.about, "it says what it does in a sentence"
    assert transform.wants <= {"times"}


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("datetime", ["20261104083012.1234+0700"], "2026-11-04T08:30:12.1234+07:00"),
        ("datetime", ["20261104233000+0000"], "2026-11-05T06:30:00+07:00"),
        ("datetime", ["2026110408"], "2026-11-04T08:00:00+07:00"),
        ("datetime", ["2026-11-04 08:30:12.5"], "2026-11-04T08:30:12.5+07:00"),
        ("datetime", ["2026-11-04T08:30Z"], "2026-11-04T15:30:00+07:00"),
        ("datetime", ["202611"], "2026-11"),
        ("datetime", ["46000.5", "excel"], "2025-12-09T12:00:00+07:00"),
        ("datetime", [1762245012, "epoch"], "2025-11-04T15:30:12+07:00"),
        ("datetime", ["4-Nov-2026 8:05 pm", "d-MMM-yyyy h:mm a"], "2026-11-04T20:05:00+07:00"),
        ("datetime", ["04/11/2026", "dd/MM/yyyy[ HH:mm]"], "2026-11-04"),
        ("date", ["20261104233000+0000"], "2026-11-05"),
        ("date", ["20240229"], "2024-02-29"),
        ("date", [46000, "excel"], "2025-12-09"),
        ("date", ["1", "excel"], "1900-01-01"),
        ("date", ["2026"], "2026"),
        ("time", ["2026110408"], "08:00:00"),
        ("time", ["083012.5"], "08:30:12.5"),
        ("midnight", ["20261104083012"], "2026-11-04T00:00:00+07:00"),
        ("add_days", ["20240228", 1], "2024-02-29"),
        ("age", ["20000229", "20260228"], 25),
        ("age", ["20260915", "20261014", "months"], 0),
        ("time_as", ["20261104083012", "dd/MM/yyyy 'at' HH:mm XXX"], "04/11/2026 at 08:30 +07:00"),
        ("number", ["-0012.50"], Decimal("-12.50")),
        ("number", [" 5 "], 5),
        ("round", [Decimal("2.5")], 3),
        ("round", [Decimal("-1.005"), 2], Decimal("-1.01")),
        ("sum", [[Decimal("0.1"), Decimal("0.2")]], Decimal("0.3")),
        ("sum", [[]], 0),
        ("max", [[None, MISSING]], MISSING),
        ("join", [[MISSING, "a", None, "", 3], "-"], "a-3"),
        ("join", [[MISSING, None]], MISSING),
        ("count", [MISSING], 0),
        ("count", ["one"], 1),
        ("unique", [[1, Decimal("1.0"), "1", {"a": 1}, {"a": 1}]], [1, "1", {"a": 1}]),
        ("sort", [[{"c": "b"}, {"d": 1}, {"c": "a"}], "c"], [{"c": "a"}, {"c": "b"}, {"d": 1}]),
        ("trim", [" \u200b\u00a0"], MISSING),
        ("part", ["abc", 5, 2], MISSING),
        ("match", ["5.1", "- *([0-9.]+)$"], MISSING),
        ("match", ["a" * 5000, "(a+)+b"], MISSING),
        ("icd10", [" j18.9 "], "J18.9"),
        ("icd10", ["S72001A"], "S72.001A"),
        ("iso7064", ["GB82WEST12345698765432"[4:] + "GB82"], "WEST12345698765432GB82"),
        ("phone", ["+84 24 3825 3531", "KH", "e164"], "+842438253531"),
        ("default", [MISSING, "x"], "x"),
        ("null_as_missing", [None], MISSING),
    ],
)  # fmt: skip
def test_what_a_transform_makes(name: str, values: list[Any], expected: Any) -> None:
    found = call(name, *values)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("name", "values", "code"),
    [
        *[("date", [v], "M222") for v in NO_DATES],
        *[("datetime", [v], "M222") for v in NO_TIMES],
        ("datetime", ["99991231235959-1200"], "M222"),
        ("date", [20261104], "M222"),
        ("date", ["60", "excel"], "M222"),
        ("date", ["1e9", "epoch"], "M222"),
        ("date", ["99999999999999", "epoch"], "M222"),
        ("date", ["04/11/26", "dd/MM/yy"], "M225"),
        ("date", ["04/11/2026", "DD/MM/YYYY"], "M225"),
        ("date", ["04/11/2026", "dd/dd/yyyy"], "M225"),
        ("date", ["13/13/2026", "dd/MM/yyyy"], "M222"),
        ("datetime", ["0:30 AM", "h:mm a"], "M225"),
        ("time", ["20261104"], "M222"),
        ("time", ["2460"], "M222"),
        ("age", ["1991", "20261104"], "M222"),
        ("age", ["20261104", "19910322"], "M222"),
        ("add_days", ["20261104", 10**12], "M226"),
        ("add_days", ["99991231", 1], "M222"),
        *[("number", [v], "M221") for v in NO_NUMBERS],
        ("integer", ["1.5"], "M221"),
        ("sum", [[1, MISSING]], "M221"),
        ("sum", [["1"]], "M221"),
        ("max", [[1, "a"]], "M221"),
        ("sort", [[{"a": 1}]], "M232"),
        ("from_entries", [[["a", 1], ["a", 2]]], "M232"),
        ("left", ["abc", 0], "M226"),
        ("pad", ["a", 10**9], "M226"),
        ("split", ["a", ""], "M220"),
        ("match", ["a", "("], "M108"),
        ("match", ["a" * 60_000, "b"], "M234"),
        ("luhn", ["79927398710"], "M227"),
        ("mod11", ["6313"], "M227"),
        ("iso7064", ["0795", "mod11-2"], "M227"),
        ("base64_decode", ["a"], "M231"),
        ("base64_decode", ["/////w=="], "M231"),
        ("phone", ["12", "KH"], "M228"),
        ("phone", ["{{7*7}}", "KH"], "M228"),
        ("icd10", ["J18.9†"], "M229"),
        ("icd10", ["189"], "M229"),
        ("ucum", ["MG/DL"], "M230"),
        ("ucum", ["beats/min"], "M230"),
        ("required", [MISSING], "M233"),
        ("required", [None], "M233"),
        ("boolean", ["maybe"], "M221"),
    ],
)  # fmt: skip
def test_what_a_transform_refuses(name: str, values: list[Any], code: str) -> None:
    with pytest.raises(Fault) as caught:
        call(name, *values)
    fault = caught.value
    assert fault.code == code
    assert fault.says and fault.hint
    assert not any(len(v) > 3 and v in str(fault) for v in values[:1] if isinstance(v, str)), (
        "the value stays out of the sentence"
    )


def test_a_mapping_says_how_its_times_are_written() -> None:
    fine = Times.of("Asia/Phnom_Penh", "local", "milliseconds")
    assert call("datetime", "202611040830", times=fine) == "2026-11-04T08:30:00.000+07:00"
    assert call("datetime", "20261104083012.98765", times=fine) == "2026-11-04T08:30:12.987+07:00"
    assert call("datetime", "20261104", times=fine) == "2026-11-04"
    assert call("midnight", "20261104", times=fine) == "2026-11-04T00:00:00.000+07:00"
    utc = Times.of("Asia/Phnom_Penh", "utc", "seconds")
    assert call("datetime", "20261104083012.9", times=utc) == "2026-11-04T01:30:12Z"
    assert call("midnight", "20261104083012", times=utc) == "2026-11-03T17:00:00Z"
    assert call("add_days", "20261104003000", 1, times=utc) == "2026-11-04T17:30:00Z"


def test_clocks_that_are_set_back_and_forward() -> None:
    london = Times.of("Europe/London")
    assert call("datetime", "202610250130", times=london) == "2026-10-25T01:30:00+01:00", "the first of the two"
    assert call("datetime", "202603290130", times=london) == "2026-03-29T01:30:00+00:00", "counted from before the gap"
    assert call("add_days", "202603281200", 1, times=london) == "2026-03-29T12:00:00+01:00", "the same hour"


@settings(max_examples=150, deadline=None)
@given(st.dates(), st.times(), st.integers(-12 * 60, 14 * 60))
def test_hl7_times_agree_with_the_standard_library(day: Any, clock: Any, offset: int) -> None:
    import datetime as dt

    zone = dt.timezone(dt.timedelta(minutes=offset))
    moment = dt.datetime.combine(day, clock.replace(microsecond=0), tzinfo=zone)
    sign = "-" if offset < 0 else "+"
    written = f"{moment:%m%d%H%M%S}{sign}{abs(offset) // 60:02}{abs(offset) % 60:02}"
    if not 2 < day.year < 9998:
        return
    found = call("datetime", f"{day.year:04}{written}", times=Times.of("UTC"))
    assert dt.datetime.fromisoformat(found) == moment


_VALUES = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="0123456789-/:.+TZ ", max_size=24),
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.lists(st.one_of(st.text(max_size=5), st.integers(), st.none(), st.just(MISSING)), max_size=4),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=3),
)


def fits(value: Any, hint: Any) -> bool:
    """Whether the compiler would hand a value of this kind to a parameter of that type."""
    kinds = takes(hint)
    return kinds is None or KINDS[type(value)] in kinds


@pytest.mark.parametrize("name", sorted(builtins()))
def test_hostile_values_give_faults_alone(name: str) -> None:
    transform = builtins()[name]
    most = transform.most if transform.most is not None else 3

    @settings(max_examples=40, deadline=None, database=None)
    @given(st.lists(_VALUES, min_size=transform.least, max_size=most))
    def work(values: list[Any]) -> None:
        hints = [transform.takes[min(i, len(transform.takes) - 1)] for i in range(len(values))]
        if not all(fits(v, h) for v, h in zip(values, hints, strict=True)):
            return
        try:
            call(name, *values)
        except Fault as fault:
            problem = fault
        else:
            return
        assert problem.says and problem.hint

    work()
