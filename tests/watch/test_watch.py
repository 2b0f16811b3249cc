"""Watch: from a delivery that waits too long to the one who is told of it, and back; nothing of it holds the engine up."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from interpres.alert import CertificateSight
from interpres.alerts.late import Late
from interpres.certificate import end_ms, first_end_ms
from interpres.clock import Clock
from interpres.fault import Fault, TryAgain
from interpres.installation import Recipient
from interpres.notice import Item, News, Notice
from interpres.watch import Watch, certificates, open_alerts
from interpres.watch.figures import Figures
from interpres.watch.habits import FILE, Habits
from interpres.watch.memory import Memory
from interpres.watch.recent import HOUR_MS, MINUTE_MS, Recent
from interpres.watch.teller import MOST_WAITING, Teller
from tests.engine.fakes import House, Nothing, drop, recipe, until
from tests.sources.test_mllp import certificate
from tests.watch.places import folder_of, installation, watched

DAY_MS = 86_400_000
T0 = 1_800_000_000_000


class Board(Notice):
    """Keeps what it is told; `does` may fail or hang."""

    Settings = Nothing

    def __init__(self, does: Callable[[News], Any] = lambda _: None) -> None:
        super().__init__(Nothing(), Path())
        self.told: list[News] = []
        self.does = does

    async def tell(self, news: News) -> None:
        outcome = self.does(news)
        if asyncio.iscoroutine(outcome):
            await outcome
        if isinstance(outcome, BaseException):
            raise outcome
        self.told.append(news)

    @property
    def changes(self) -> list[tuple[str, str]]:
        return [(item.change, item.rule) for news in self.told for item in news.items]


@pytest.fixture(autouse=True)
def soon_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interpres.watch.alarms.WELL_MS", 0)


def test_what_waits_too_long_is_told_and_told_again_when_it_is_well(house: House) -> None:
    board = Board()
    away = True
    house.does("npca", lambda _: TryAgain("it is away", after_seconds=0.3) if away else _delivered())

    async def story() -> None:
        nonlocal away
        here = installation(
            Recipient("ops", board), Recipient("none", Board(), frozenset({"disk"})), rules={"late": {"after": "50ms"}}
        )
        async with watched(house, here) as asked:
            await drop('{"lane": "a"}')
            await until(lambda: board.changes == [("opened", "late")])
            (alert,) = asked.watch.open()
            assert (alert.rule, alert.about) == ("late", "destination visits/npca")
            assert (await asked.get("/health")).json()["alerts"][0]["about"] == "destination visits/npca"
            assert (await asked.metrics())['interpres_alerts_open{rule="late"}'] == 1
            assert open_alerts(house.folder / "var")[0].about == "destination visits/npca"
            away = False
            await until(lambda: board.changes == [("opened", "late"), ("closed", "late")])
            await until(lambda: open_alerts(house.folder / "var") == ())
            assert here.recipients[1].notice.told == []  # type: ignore[attr-defined]

    asyncio.run(story())


def _delivered() -> Any:
    from interpres.delivery import Outcome

    return Outcome("delivered", "200")


def test_a_notice_that_hangs_or_fails_holds_nobody_up_and_is_tried_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interpres.watch.teller.RETRY", SimpleNamespace(wait_seconds=lambda tries, chance: 0.01))
    monkeypatch.setattr("interpres.watch.teller.LONGEST_SECONDS", 0.2)
    fails: list[Any] = [TryAgain("away"), Fault("N312", "the command ended", "see it"), ValueError("PATIENT"), "hang"]

    def does(_: News) -> Any:
        outcome = fails.pop(0) if fails else None
        return asyncio.sleep(3600) if outcome == "hang" else outcome

    board = Board(does)
    house.does("npca", lambda _: TryAgain("it is away", after_seconds=60.0))

    async def story() -> None:
        here = installation(Recipient("ops", board), rules={"late": {"after": "50ms"}})
        async with watched(house, here, recipe(), recipe("bookings", to=("archive",))):
            await drop('{"lane": "a"}')
            await until(lambda: len(fails) == 0)
            for n in range(20):
                assert (await drop(f'{{"lane": "{n}"}}', channel="bookings")).accepted
            await until(lambda: board.changes == [("opened", "late")])

    asyncio.run(story())
    assert fails == []


def test_what_changes_together_is_told_together_and_the_oldest_are_left_out() -> None:
    board = Board()

    async def story() -> None:
        teller = Teller("x", Recipient("ops", board), 0.01, Clock(), lambda: 0.0)
        work = asyncio.create_task(teller.run())
        teller.hear([_item(n) for n in range(MOST_WAITING)])
        teller.hear([_item(n) for n in range(MOST_WAITING, MOST_WAITING + 5)])
        await until(lambda: board.told)
        assert [len(news.items) for news in board.told] == [MOST_WAITING] and board.told[0].left_out == 5
        teller.hear([_item(1)])
        await until(lambda: len(board.told) == 2)
        assert (len(board.told[1].items), board.told[1].left_out) == (1, 0)
        work.cancel()

    asyncio.run(story())


def test_what_comes_while_it_is_told_is_told_next() -> None:
    going = asyncio.Event()
    board = Board(lambda _: going.wait())

    async def story() -> None:
        teller = Teller("x", Recipient("ops", board), 0.0, Clock(), lambda: 0.0)
        work = asyncio.create_task(teller.run())
        teller.hear([_item(1)])
        await asyncio.sleep(0.02)
        teller.hear([_item(2)])
        going.set()
        await until(lambda: len(board.told) == 2)
        assert [[i.about for i in news.items] for news in board.told] == [["destination 1"], ["destination 2"]]
        work.cancel()

    asyncio.run(story())


def _item(number: int) -> Item:
    return Item("opened", "late", f"destination {number}", "12 wait", "see it", "docs/how-to/watch-it.md", T0)


def test_a_bug_in_one_rule_leaves_the_others_at_work(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(self: Any, sight: Any) -> Any:
        raise ValueError("PATIENT")

    monkeypatch.setattr("interpres.alerts.certificate.Certificate.look", breaks)
    assert Late.look is not breaks
    house.does("npca", lambda _: TryAgain("it is away", after_seconds=60.0))
    board = Board()

    async def story() -> None:
        async with watched(house, installation(Recipient("ops", board), rules={"late": {"after": "50ms"}})):
            await drop('{"lane": "a"}')
            await until(lambda: board.changes == [("opened", "late")])

    asyncio.run(story())


# what is known over a restart


def test_what_had_not_reached_somebody_is_told_after_a_restart(house: House) -> None:
    house.does("npca", lambda _: TryAgain("it is away", after_seconds=60.0))
    rules = {"late": {"after": "50ms"}}
    deaf, reached = Board(lambda _: TryAgain("away")), Board()

    async def first() -> None:
        here = installation(Recipient("mail", deaf), Recipient("pager", reached), rules=rules)
        async with watched(house, here):
            await drop('{"lane": "a"}')
            await until(lambda: reached.changes == [("opened", "late")])

    async def second() -> None:
        mail, pager = Board(), Board()
        async with watched(house, installation(Recipient("mail", mail), Recipient("pager", pager), rules=rules)):
            await until(lambda: mail.changes == [("opened", "late")])
            await until(lambda: not open_alerts(house.folder / "var")[0].untold)
            assert pager.changes == [], "it was told before"

    asyncio.run(first())
    assert [a.untold for a in open_alerts(house.folder / "var")] == [frozenset({"mail"})]
    asyncio.run(second())


def test_habits_are_learned_from_the_store_and_kept_in_a_file(house: House) -> None:
    async def first() -> None:
        async with watched(house, installation()) as asked:
            await drop('{"lane": "a"}')
            await until(lambda: asked.watch._habits.last_ms.get("visits"))

    async def second() -> int:
        async with watched(house, installation()) as asked:
            await until(lambda: asked.watch._learned)
            said = (await asked.get("/health")).json()["channels"]["visits"]["source"]
            assert said["last_message_at"] is not None
            return asked.watch._habits.last_ms["visits"]

    asyncio.run(first())
    kept = json.loads((folder_of(house.folder) / FILE).read_bytes())
    assert len(kept["slots"]["visits"]) == 1
    (folder_of(house.folder) / FILE).unlink()  # as at the first start over a store that is there already
    assert abs(asyncio.run(second()) - kept["last_ms"]["visits"]) < 1000


def test_the_time_in_which_no_engine_ran_is_no_silence(tmp_path: Path) -> None:
    hour = HOUR_MS
    before = Habits(Memory(tmp_path))
    assert before.quiet_seconds("visits", T0, T0) is None
    before.came("visits", T0)
    assert before.quiet_seconds("visits", T0 + hour, T0 - hour) == 3600
    before.save(T0 + hour, at_once=True)
    after = Habits(Memory(tmp_path))
    assert after.quiet_seconds("visits", T0 + 11 * hour, T0 + 10 * hour) == 2 * 3600, "one hour before, one hour after"
    after.came("visits", T0 + 11 * hour)
    assert after.quiet_seconds("visits", T0 + 12 * hour, T0 + 10 * hour) == 3600


class SetClock(Clock):
    """One that is set by hand."""

    steady = wall = T0

    def wall_ms(self) -> int:
        return self.wall

    def steady_ms(self) -> int:
        return self.steady


def test_only_the_last_hour_counts() -> None:
    clock = SetClock()
    figures = Figures(clock)
    recent = Recent(figures)
    figures.delivery("visits", "npca", "dead", ("N301",))
    figures.cannot_store("E130")
    for minute in range(1, 71):
        clock.steady = clock.wall = T0 + minute * MINUTE_MS
        recent.keep()
        if minute in (9, 11):
            assert recent.unstored(10 * MINUTE_MS) == ({"E130": 1} if minute == 9 else {})
        if minute == 50:
            figures.delivery("visits", "npca", "dead", ("N301",))
            assert recent.deliveries() == {("visits", "npca", "dead"): 2}
    assert recent.deliveries() == {("visits", "npca", "dead"): 1} and recent.codes("visits") == ("N301",)
    clock.wall += 7_200_000
    assert recent.clock_jump_seconds() == 7200


# certificates


def test_when_a_certificate_ends_is_read_from_its_bytes(tmp_path: Path) -> None:
    certificate(tmp_path)
    ends = first_end_ms(tmp_path / "cert.pem")
    assert ends is not None and 1.9 * DAY_MS < ends - Clock().wall_ms() < 2.1 * DAY_MS
    chain = (tmp_path / "cert.pem").read_bytes() * 2
    (tmp_path / "chain.pem").write_bytes(b"the root comes last\n" + chain)
    assert first_end_ms(tmp_path / "chain.pem") == ends
    assert first_end_ms(tmp_path / "key.pem") is None
    whole = ssl.PEM_cert_to_DER_cert((tmp_path / "cert.pem").read_text())
    assert end_ms(whole) == ends
    assert [end_ms(whole[:n]) for n in range(0, len(whole), 7)] == [None] * len(range(0, len(whole), 7))


def test_certificates_of_channels_and_of_systems_are_looked_at(tmp_path: Path) -> None:
    certificate(tmp_path)
    tls = SimpleNamespace(certificate=Path("cert.pem"), client_ca=None)
    channels = [SimpleNamespace(name=n, source_settings=SimpleNamespace(tls=t)) for n, t in (("visits", tls), ("files", None))]
    ends = first_end_ms(tmp_path / "cert.pem") or 0
    assert list(certificates.own(channels, tmp_path)) == [CertificateSight("channel visits", ends)]  # type: ignore[arg-type]

    async def story() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
        server = await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        addresses = {"npca": "${BASE}/api", "plain": "http://127.0.0.1:9", "gone": "https://127.0.0.1:9", "unset": "${NONE}"}
        systems: Any = {name: SimpleNamespace(name=name, base_url=url) for name, url in addresses.items()}
        found = await certificates.of_systems(systems, {"BASE": f"https://127.0.0.1:{port}"})
        assert found == [CertificateSight("system npca", ends)]
        server.close()
        await server.wait_closed()

    asyncio.run(story())


def test_an_address_that_is_taken_is_told_and_hinders_nobody(house: House) -> None:
    async def story() -> None:
        async with watched(house, installation()) as asked:
            here = installation()
            taken = here.file.model_copy(update={"health": here.file.health.model_copy(update={"listen": asked.watch.address})})  # type: ignore[union-attr]
            other = Watch(replace(here, file=taken), house.folder / "var2")
            async with other.over(asked.engine):
                assert other.deaf is not None and other.deaf.code == "E111" and not other.address

    asyncio.run(story())
