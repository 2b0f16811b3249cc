"""Installation: interpres.yaml may be absent; what is wrong with it is told at its line, and no secret stands in it."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from interpres import catalog, yaml
from interpres.fault import Faults
from interpres.installation import Installation, installation_faults, read_installation
from interpres.installation_file import listen_address
from interpres.notices.command import Command
from interpres.notices.mail import Mail
from interpres.notices.webhook import Webhook
from interpres.workspace import Workspace
from interpres.workspace.editor import schema_of

WHOLE = """\
name: provincial hospital
health: {listen: "127.0.0.1:9464"}
drain: 20s
log: {level: warning, largest_mb: 10, kept: 3}
alerts:
  every: 30s
  gather: 1m
  again: [1h, 6h]
  to:
    ops:
      mail:
        server: mail.example
        from: interpres@mail.example
        to: [ops@mail.example]
        username: ops
        password: ${SMTP_PASSWORD}
    pager:
      only: [store, disk]
      command: [/usr/local/bin/page, --urgent]
    board:
      webhook: {url: "${BOARD_URL}", secret: "${BOARD_SECRET}"}
  rules:
    quiet: {times: 4, at_least: 1h, except: [visits]}
    late: {after: 30m}
    clock: {enabled: false}
"""
SECRETS = {"SMTP_PASSWORD": "smtp ${secret", "BOARD_URL": "http://127.0.0.1:9/x", "BOARD_SECRET": "board secret"}


def faults(tmp_path: Path, text: str, environment: dict[str, str] | None = None) -> list[str]:
    (tmp_path / "interpres.yaml").write_text(text, "utf-8")
    found = installation_faults(tmp_path, ["visits"], SECRETS if environment is None else environment)
    return [f"{f.level} {f.line()}" for f in found]


def read(tmp_path: Path, text: str = WHOLE) -> Installation:
    (tmp_path / "interpres.yaml").write_text(text, "utf-8")
    return read_installation(tmp_path, SECRETS)


def test_without_a_file_every_rule_looks_and_nobody_is_told(tmp_path: Path) -> None:
    here = read_installation(tmp_path, {})
    assert here.name and here.file.health is None and here.recipients == ()
    assert set(here.rules) == set(catalog.names("alerts")) and all(rule.settings.enabled for rule in here.rules.values())
    assert installation_faults(tmp_path, [], {}) == []


def test_everything_that_it_may_say(tmp_path: Path) -> None:
    here = read(tmp_path)
    assert (here.name, here.file.drain, here.file.alerts.again) == ("provincial hospital", 20.0, [3600.0, 21600.0])
    assert here.file.health and listen_address(here.file.health.listen) == ("127.0.0.1", 9464)
    ops, pager, board = here.recipients
    assert isinstance(ops.notice, Mail) and isinstance(pager.notice, Command) and isinstance(board.notice, Webhook)
    assert ops.notice.settings.password and ops.notice.settings.password.get_secret_value() == "smtp ${secret"
    assert pager.notice.settings.run == ["/usr/local/bin/page", "--urgent"]
    assert pager.wants("disk") and not pager.wants("quiet") and ops.wants("quiet")
    assert here.rules["late"].settings.after == 1800.0  # type: ignore[attr-defined]
    assert here.rules["quiet"].settings.except_ == ["visits"] and not here.rules["clock"].settings.enabled


def test_no_secret_is_shown(tmp_path: Path) -> None:
    here = read(tmp_path)
    shown = repr(here) + "".join(f"{r!r}{r.notice.settings!r}" for r in here.recipients)
    assert not [secret for secret in SECRETS.values() if secret in shown]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("helth: {}\n", "interpres.yaml:1:1 C101 there is no key 'helth' here — did you mean 'health'?"),
        (
            "health: {listen: 9464}\n",
            "interpres.yaml:1:18 C104 an address and a port are wanted — write them as in 127.0.0.1:9464",
        ),
        ("health: {listen: 'localhost:99999'}\n", "interpres.yaml:1:18 C104 an address and a port are wanted"),
        ("drain: soon\n", "interpres.yaml:1:8 C104 a length of time is wanted"),
        ("alerts: {rules: {quite: {}}}\n", "interpres.yaml:1:18 C110 there is no alert 'quite' — did you mean 'quiet'?"),
        ("alerts: {rules: {late: {aftr: 5m}}}\n", "interpres.yaml:1:25 C101 there is no key 'aftr' here — did you mean 'after'?"),
        (
            "alerts: {to: {ops: {}}}\n",
            "interpres.yaml:1:15 C111 a recipient is told in one way — name one of command, mail, webhook",
        ),
        ("alerts: {to: {ops: {male: {}}}}\n", "interpres.yaml:1:21 C110 there is no notice 'male' — did you mean 'mail'?"),
        ("alerts: {to: {ops: {only: [disc], command: [x]}}}\n", "interpres.yaml:1:28 C110 there is no alert 'disc'"),
        ("alerts: {to: {ops: {command: []}}}\n", "interpres.yaml:1:30 C104 at least 1 wanted here"),
        ("alerts: {to: {ops: {mail: {server: a, from: me, to: [you@a]}}}}\n", "C104 this is no mail address"),
        (
            "alerts: {to: {ops: {webhook: {url: 'http://a', secret: open}}}}\n",
            "interpres.yaml:1:56 C163 the secret stands in the file — write ${NAME}",
        ),
        ("name: [\n", "interpres.yaml:2:1 Y1"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(tmp_path: Path, text: str, wanted: str) -> None:
    (told,) = faults(tmp_path, text)
    assert told.startswith("fault ") and wanted in told, told
    with pytest.raises(Faults):
        read_installation(tmp_path, SECRETS)


def test_a_password_is_not_sent_in_the_open(tmp_path: Path) -> None:
    mail = "{server: a, from: me@a, to: [you@a], username: u, password: '${SMTP_PASSWORD}', tls: none}"
    (told,) = faults(tmp_path, f"alerts: {{to: {{ops: {{mail: {mail}}}}}}}\n")
    assert "C104 a password would go over the network for all to read — set tls: starttls" in told


def test_what_is_not_set_is_a_note_for_check_and_a_fault_for_run(tmp_path: Path) -> None:
    told = faults(tmp_path, WHOLE, {"SMTP_PASSWORD": "x", "BOARD_URL": "http://a"})
    assert [t[:35] for t in told] == ["note interpres.yaml:21:46 E104 note"]
    with pytest.raises(Faults) as wrong:
        read_installation(tmp_path, {})
    assert [f.code for f in wrong.value] == ["E104", "E104", "E104"] and all(f.level == "fault" for f in wrong.value)


def test_a_channel_that_there_is_not_is_a_warning(tmp_path: Path) -> None:
    (told,) = faults(tmp_path, "alerts: {rules: {quiet: {except: [visit]}}}\n")
    assert "warning interpres.yaml:1:35 C153" in told and "did you mean 'visits'?" in told


def test_check_tells_of_it(tmp_path: Path) -> None:
    for room in ("channels", "mappings"):
        (tmp_path / room).mkdir()
    (tmp_path / "interpres.yaml").write_text("health: {lissen: '127.0.0.1:9464'}\n", "utf-8")
    assert "did you mean 'listen'?" in "".join(f.line() for f in Workspace(tmp_path).check())


def test_the_schema_for_editors_takes_what_is_right_and_refuses_what_is_not() -> None:
    check = jsonschema.Draft202012Validator(schema_of("installation"))
    assert check.is_valid(yaml.plain(yaml.read(WHOLE, "interpres.yaml")))
    for wrong in (
        "helth: {}",
        "alerts: {rules: {quite: {}}}",
        "alerts: {to: {ops: {male: {}}}}",
        "alerts: {rules: {late: {aftr: 5m}}}",
    ):
        assert not check.is_valid(yaml.plain(yaml.read(wrong, "interpres.yaml"))), wrong


@pytest.mark.parametrize(("written", "meant"), [("[::1]:80", ("::1", 80)), (":9464", ("0.0.0.0", 9464)), ("a.b:1", ("a.b", 1))])
def test_addresses(written: str, meant: tuple[str, int]) -> None:
    assert listen_address(written) == meant
