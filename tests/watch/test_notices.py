"""Notices: a webhook that is signed, a mail over STARTTLS, a command without a shell; what fails is a fault or tried again."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from interpres import catalog
from interpres.fault import Fault, TryAgain
from interpres.notice import MOST_LINES, Item, News
from interpres.settings import model_from_values
from tests.sources.test_mllp import certificate

T0 = 1_800_000_000_000
LATE = Item("opened", "late", "destination visits/npca", "12 wait", "see whether it answers", "docs/how-to/watch-it.md", T0)
WELL = Item("closed", "disk", "disk", "900 MB are free", "free some", "docs/how-to/watch-it.md", T0, T0 + 60_000)
NEWS = News("the clinic", T0 + 90_000, (LATE, WELL))


def tell(word: str, tmp_path: Path, written: Any, news: News = NEWS) -> None:
    part = catalog.part("notices", word)
    settings = part.Settings.model_validate(written) if isinstance(written, list) else model_from_values(written, part.Settings)
    asyncio.run(part(settings, tmp_path).tell(news))


def test_news_are_short_plain_and_complete() -> None:
    assert NEWS.title == "interpres at the clinic: 1 not well, 1 well again"
    assert "what to do: see whether it answers" in NEWS.text and "see docs/how-to/watch-it.md" in NEWS.text
    assert "since 2027-01-15T08:00:00.000Z" in NEWS.text and NEWS.text.index("NOT WELL") < NEWS.text.index("WELL AGAIN")
    assert [a["change"] for a in NEWS.facts["alerts"]] == ["opened", "closed"]
    many = News("x", T0, (LATE,) * 50, left_out=3)
    assert many.text.count("NOT WELL") == MOST_LINES and "and 30 more" in many.text and "3 older changes" in many.text
    assert len(many.facts["alerts"]) == 50 and "(destination visits/npca)" in News("x", T0, (LATE,)).title


# command


def test_a_command_reads_json_and_no_shell_reads_its_arguments(tmp_path: Path) -> None:
    out = tmp_path / "told.json"
    script = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_bytes(sys.stdin.buffer.read() + sys.argv[2].encode())"
    tell("command", tmp_path, [sys.executable, "-c", script, str(out), "; echo $HOME"])
    told = out.read_text("utf-8")
    assert told.endswith("; echo $HOME") and json.loads(told.removesuffix("; echo $HOME")) == NEWS.facts


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (["/nowhere/at/all"], "N310"),
        ([sys.executable, "-c", "import sys; sys.exit(3)"], "N312"),
        (["/dev/null"], "N310"),
        ([""], "N310"),
        (["a\0b"], "N310"),
    ],
)
def test_a_command_that_does_not_work_is_a_fault(tmp_path: Path, run: list[str], code: str) -> None:
    with pytest.raises(Fault) as wrong:
        tell("command", tmp_path, run)
    assert wrong.value.code == code and wrong.value.hint


def test_a_command_that_reads_nothing_and_says_yes_is_a_yes(tmp_path: Path) -> None:
    tell("command", tmp_path, ["true"], News("x", T0, (LATE,) * 10_000))


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    child = tmp_path / "child"
    script = "import subprocess, sys, time; p = subprocess.Popen(['sleep', '60']); "
    script += "open(sys.argv[1], 'w').write(str(p.pid)); time.sleep(60)"
    with pytest.raises(Fault) as wrong:
        tell("command", tmp_path, {"run": [sys.executable, "-c", script, str(child)], "seconds": 1.0})
    assert wrong.value.code == "N311"
    stat = Path(f"/proc/{child.read_text()}/stat")
    end = time.monotonic() + 10
    while is_alive(stat):
        assert time.monotonic() < end, "what the command started is still there"
        time.sleep(0.01)


def is_alive(stat: Path) -> bool:
    """Whether that process runs; one that ended may wait to be asked for its status."""
    try:
        return stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


# webhook


class Board(BaseHTTPRequestHandler):
    """Keeps what is posted to it; answers what it is told to."""

    posted: list[tuple[dict[str, str], bytes]]
    status: int

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append((dict(self.headers), body))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def board() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Board)
    server.posted, server.status = [], 204
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_webhook_gets_json_that_is_signed(tmp_path: Path, board: Any) -> None:
    url = f"http://127.0.0.1:{board.server_port}/hook"
    tell("webhook", tmp_path, {"url": url, "secret": "s3cret", "headers": {"X-Room": "ops"}})
    ((headers, body),) = board.posted
    assert json.loads(body) == NEWS.facts and headers["X-Room"] == "ops" and headers["Content-Type"] == "application/json"
    signed = headers["X-Interpres-Timestamp"].encode() + b"." + body
    assert headers["X-Interpres-Signature"] == "sha256=" + hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_says_no_is_tried_again(tmp_path: Path, board: Any, status: int) -> None:
    board.status = status
    with pytest.raises(TryAgain) as sick:
        tell("webhook", tmp_path, {"url": f"http://127.0.0.1:{board.server_port}/hook"})
    assert str(status) in sick.value.says and len(board.posted) == 1


def test_a_webhook_that_is_not_there_is_tried_again_and_its_address_is_not_told(tmp_path: Path) -> None:
    with pytest.raises(TryAgain) as sick:
        tell("webhook", tmp_path, {"url": "http://127.0.0.1:9/T0KEN"})
    assert "T0KEN" not in sick.value.says
    with pytest.raises(Fault) as wrong:
        tell("webhook", tmp_path, {"url": "file:///etc/passwd"})
    assert wrong.value.code == "N313"


# mail


class Post:
    """A mail server of a few lines (RFC 5321) that speaks STARTTLS where it has a certificate; it keeps what it is sent."""

    def __init__(self, folder: Path | None = None, refuse: str = "") -> None:
        self.context: ssl.SSLContext | None = None
        if folder is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self.refuse = refuse
        self.mails: list[bytes] = []
        self.heard: list[str] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(line.encode() + b"\r\n")

        secured = False
        say("220 post ready")
        while line := (await reader.readline()).decode().strip():
            word = line.split(" ")[0].upper()
            self.heard.append(f"{word}{' in TLS' if secured else ''}")
            if self.refuse and word == self.refuse:
                say("550 not here")
            elif word == "EHLO":
                say("250-post")
                say("250-AUTH PLAIN" if secured else "250-STARTTLS" if self.context else "250-SIZE")
                say("250 8BITMIME")
            elif word == "STARTTLS" and self.context:
                say("220 go on")
                await writer.start_tls(self.context)
                secured = True
            elif word == "AUTH":
                good = base64.b64decode(line.split(" ")[2]) == b"\0ops\0smtp secret"
                say("235 welcome" if good else "535 who are you")
            elif word == "DATA":
                say("354 go on")
                self.mails.append((await reader.readuntil(b"\r\n.\r\n"))[:-3])
                say("250 taken")
            else:
                say("221 bye" if word == "QUIT" else "250 fine")
            if word == "QUIT":
                break
        writer.close()

    def told(self, tmp_path: Path, **written: Any) -> Any:
        async def story() -> None:
            server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            mail = {
                "server": "localhost",
                "port": port,
                "from": "interpres@clinic.example",
                "to": ["ops@clinic.example"],
                "seconds": 5,
            }
            part = catalog.part("notices", "mail")
            try:
                await part(model_from_values({**mail, **written}, part.Settings), tmp_path).tell(NEWS)
            finally:
                server.close()
                await server.wait_closed()

        asyncio.run(story())


def test_a_mail_goes_over_starttls_with_a_name_and_a_password(tmp_path: Path) -> None:
    certificate(tmp_path)
    post = Post(tmp_path)
    post.told(tmp_path, ca="cert.pem", username="ops", password="smtp secret")
    assert post.heard[:3] == ["EHLO", "STARTTLS", "EHLO in TLS"] and "AUTH in TLS" in post.heard
    mail = message_from_bytes(post.mails[0])
    assert (mail["Subject"], mail["From"], mail["To"]) == (NEWS.title, "interpres@clinic.example", "ops@clinic.example")
    assert mail["Auto-Submitted"] == "auto-generated" and mail["Message-ID"].endswith("@clinic.example>") and mail["Date"]
    payload = mail.get_payload(decode=True)
    assert isinstance(payload, bytes) and payload.decode().replace("\r\n", "\n") == NEWS.text


def test_nothing_is_sent_to_a_server_that_is_not_trusted_or_offers_no_tls(tmp_path: Path) -> None:
    certificate(tmp_path)
    stranger, open_ = Post(tmp_path), Post()
    with pytest.raises(Fault) as untrusted:
        stranger.told(tmp_path)
    with pytest.raises(Fault) as plain:
        open_.told(tmp_path)
    assert (untrusted.value.code, plain.value.code) == ("N316", "N314")
    assert not stranger.mails and not open_.mails and "MAIL" not in [*stranger.heard, *open_.heard]


def test_a_wrong_password_is_a_fault_and_a_refusal_is_tried_again(tmp_path: Path) -> None:
    certificate(tmp_path)
    with pytest.raises(Fault) as wrong:
        Post(tmp_path).told(tmp_path, ca="cert.pem", username="ops", password="another")
    assert wrong.value.code == "N315"
    with pytest.raises(TryAgain):
        Post(refuse="MAIL").told(tmp_path, tls="none")
    with pytest.raises(TryAgain):
        tell("mail", tmp_path, {"server": "127.0.0.1", "port": 9, "from": "a@b", "to": ["c@d"], "tls": "none"})
