"""XML made to do harm, dropped where a real engine watches: kept, refused, nothing fetched or read (reliability.md 5.4, X1)."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from interpres.fault import Fault
from interpres.workspace import Workspace
from tests.bad_input.clinic import NAME, Clinic, story

GOOD = b"<patient><id>7</id></patient>"
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


class Ear:
    """A listener that counts who comes: nobody should."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.socket.getsockname()[1])
        self.heard = 0
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        while True:
            try:
                self.socket.accept()[0].close()
            except OSError:
                return
            self.heard += 1

    def close(self) -> int:
        """How many came."""
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(5)
        return self.heard


def hostile(url: str, file: Path) -> dict[str, tuple[bytes, str]]:
    """Name, document, and the code that it is refused with; an empty code where it is harmless once nothing is followed."""

    def doctype(inner: str, body: str = "<patient>&x;</patient>") -> bytes:
        return f'<?xml version="1.0"?><!DOCTYPE patient {inner}>{body}'.encode()

    laughs = f"[<!ENTITY l0 'lol'>{LAUGHS}]"
    include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{file}" parse="text"/>'
    located = f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:x {url}x.xsd"'
    return {
        "laughs": (doctype(laughs, "<patient>&l9;</patient>"), "L003"),
        "cyclic": (doctype('[<!ENTITY x "&y;"><!ENTITY y "&x;">]'), "L003"),
        "quadratic": (doctype(f'[<!ENTITY x "{"a" * 100_000}">]', f"<patient>{'&x;' * 10_000}</patient>"), "L003"),
        "file": (doctype(f'[<!ENTITY x SYSTEM "file://{file}">]'), "L003"),
        "http": (doctype(f'[<!ENTITY x SYSTEM "{url}x">]'), "L003"),
        "parameter": (doctype(f'[<!ENTITY % p SYSTEM "{url}p.dtd"> %p;]'), "L003"),
        "dtd": (doctype(f'SYSTEM "{url}x.dtd"', "<patient/>"), "L003"),
        "public": (doctype(f'PUBLIC "-//x//y" "{url}x.dtd"', "<patient/>"), "L003"),
        "utf-16": (doctype(f'[<!ENTITY x SYSTEM "file://{file}">]').decode().encode("utf-16"), "L003"),
        "utf-7": (b'<?xml version="1.0" encoding="UTF-7"?>+ADw-patient/+AD4-', "L002"),
        "ebcdic": ('<?xml version="1.0" encoding="cp037"?><patient/>'.encode("cp037"), "L002"),
        "deep": (b"<a>" * 100_000, "L006"),
        "cdata": (b"<patient><![CDATA[" + b"x" * 12_000_000 + b"]]></patient>", "L007"),
        "undeclared": (b"<patient>&x;</patient>", "L008"),
        "include": (f"<patient><id>1</id>{include}</patient>".encode(), ""),
        "schema": (f"<patient {located}><id>2</id></patient>".encode(), ""),
        "stylesheet": (f'<?xml-stylesheet href="{url}x.xsl"?><patient><id>3</id></patient>'.encode(), ""),
        "attributes": (b"<patient " + b" ".join(b'a%d="1"' % n for n in range(100_000)) + b"><id>4</id></patient>", ""),
    }


def test_x1_hostile_documents_are_kept_and_refused_and_nothing_is_fetched(clinic: Clinic) -> None:
    ear = Ear()
    clinic.write("secret", NAME)
    files = hostile(f"http://127.0.0.1:{ear.port}/", clinic.folder / "secret")

    async def told(running: Clinic) -> None:
        for name, (body, _) in files.items():
            running.drop("xml", name, body)
        running.drop("xml", "zzz", GOOD)
        for name, (body, code) in files.items():
            receipt = await running.receipt("xml", name)
            assert [f["code"] for f in receipt["faults"]] == ([code] if code else []), name
            assert (running.inbox("xml") / receipt["in"] / name).read_bytes() == body
        assert (await running.receipt("xml", "zzz"))["state"] == "accepted"
        stored = {s.record.envelope["source_name"]: s for s in await running.settled()}
        assert {name: stored[name].body for name in files} == {name: body for name, (body, _) in files.items()}
        assert all(stored[name].state == ("rejected" if code else "processed") for name, (_, code) in files.items())
        assert [stored[name].record.keys["patient"] for name in ("include", "schema", "stylesheet", "attributes")] == list("1234")
        assert NAME.encode() not in b"".join(running.copies())

    story(clinic, told, "xml", seconds=30)
    assert ear.close() == 0


@pytest.mark.parametrize("number", [1000, 4000])
def test_x1_no_document_takes_long_for_its_size(clinic: Clinic, number: int) -> None:
    reader = Workspace(clinic.folder).format("xml")
    begun = time.perf_counter()
    for body in (
        b"<!--" * number,
        b"<a " * number,
        b"<?x" * number,
        b"<![CDATA[" * number,
        b"<a>" + b"</a><a>" * number,
        b"&amp;" * number,
        b"<a b='" + b"&lt;" * number,
    ):
        with pytest.raises(Fault):
            reader.decode(body)
    assert time.perf_counter() - begun < 1
