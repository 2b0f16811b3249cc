"""Logs: a line is one JSON object whoever wrote it, and no traceback is told."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from interpres.logs import to_file


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Path]:
    """The file that is logged to; afterwards nothing is."""
    logger = logging.getLogger("interpres")
    before = (logger.level, logger.propagate)
    to_file(tmp_path / "log" / "interpres.jsonl")
    yield tmp_path / "log" / "interpres.jsonl"
    for handler in logger.handlers:
        handler.close()
    logger.handlers.clear()
    logger.level, logger.propagate = before
    structlog.reset_defaults()


def test_every_line_is_one_object_whoever_wrote_it(told: Path) -> None:
    structlog.get_logger("interpres.engine").warning("refused at the edge", channel="a", says="x\ny")
    logging.getLogger("interpres.sandboxes.npca").info("%s %d", "submitVisit\n{}", 200)
    lines = [json.loads(line) for line in told.read_text("utf-8").splitlines()]
    assert [(one["event"], one["level"]) for one in lines] == [
        ("refused at the edge", "warning"),
        ("submitVisit\n{} 200", "info"),
    ]
    assert all(one["timestamp"].endswith("Z") for one in lines)


def test_a_traceback_is_never_told(told: Path) -> None:
    try:
        raise ValueError("PATIENT")
    except ValueError:
        structlog.get_logger("interpres.engine").error("own bug", exc_info=True)
        logging.getLogger("interpres.sources").exception("own bug")
    text = told.read_text("utf-8")
    assert [json.loads(line)["event"] for line in text.splitlines()] == ["own bug", "own bug"]
    assert "PATIENT" not in text and "Traceback" not in text


def test_a_level_leaves_out_what_is_less(told: Path) -> None:
    to_file(told, level="warning")
    structlog.get_logger("interpres.engine").info("a message waits for what it asks")
    structlog.get_logger("interpres.engine").warning("refused at the edge")
    assert [json.loads(line)["event"] for line in told.read_text("utf-8").splitlines()] == ["refused at the edge"]


def test_a_large_file_is_turned_over_and_the_oldest_goes(told: Path) -> None:
    to_file(told, largest_bytes=2000, kept=2)
    for number in range(100):
        structlog.get_logger("interpres.engine").warning("refused at the edge", number=number)
    files = sorted(f.name for f in told.parent.iterdir())
    assert files == [told.name, f"{told.name}.1", f"{told.name}.2"]
    assert json.loads(told.read_text("utf-8").splitlines()[-1])["number"] == 99
    assert all(f.stat().st_size <= 2000 for f in told.parent.iterdir())
