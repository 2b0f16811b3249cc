"""What all tests share: where the project and the real inputs lie, and the rule that the full run skips nothing."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
CORPORA = ROOT.parent / "shared" / "corpora"


# The same examples in every run: whoever changes nothing sees nothing fail. INTERPRES_FUZZ=1 draws new ones, to find more.
settings.register_profile("steady", derandomize=True)
settings.load_profile("default" if os.environ.get("INTERPRES_FUZZ") else "steady")


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real inputs beside the project; a test that wants it is skipped where it is not."""
    if not CORPORA.is_dir():
        pytest.skip("the real inputs (../shared/corpora beside the project) are not here")
    return CORPORA


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """What a test says of the log is over when it is: a command line that was run in this process logs to a file of its own."""
    logger = logging.getLogger("interpres")
    handlers, level, propagate, config = logger.handlers[:], logger.level, logger.propagate, structlog.get_config()
    yield
    for handler in logger.handlers:
        if handler not in handlers:
            handler.close()
    logger.handlers[:], logger.propagate = handlers, propagate
    logger.setLevel(level)
    structlog.configure(**config)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With INTERPRES_NO_SKIP set, a skipped test is a failed one: a gap must not hide."""
    report = yield
    if report.skipped and os.environ.get("INTERPRES_NO_SKIP"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and this run allows no skip: {report.longrepr}"
    return report
