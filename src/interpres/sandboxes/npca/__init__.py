"""NPCA, simulated: sign-in, benefit cards, visits and what became of them, as Cambodia's payment agency describes them."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr

from interpres.sandbox import Application, Sandbox, SandboxSettings
from interpres.sandboxes.npca.ledger import Ledger
from interpres.sandboxes.npca.rooms import Rooms
from interpres.sandboxes.npca.seed import Seed
from interpres.sandboxes.npca.verdict import Judge


class NpcaSettings(SandboxSettings):
    """What the NPCA sandbox may be told. Names and numbers that the agency does not publish are settings."""

    token_seconds: int = Field(default=3600, ge=1, description="How long an access token is good.")
    refresh_seconds: int = Field(default=1_209_600, ge=1, description="How long a refresh token is good.")
    facility_header: str = Field(default="X-Facility-Code", description="The header that names the calling facility.")
    facility_code: str = Field(default="120415", description="The facility that the supplied environment calls as.")
    client_id: str = Field(default="interpres-sandbox", description="The client that may sign in.")
    client_secret: SecretStr = Field(default=SecretStr("sandbox-secret"), description="Its secret.")
    username: str = Field(default="facility-120415", description="The user that may sign in.")
    password: SecretStr = Field(default=SecretStr("sandbox-password"), description="The user's password.")
    seed: Path | None = Field(
        default=None, description="A JSON file of beneficiaries, facilities and lists instead of the shipped one."
    )
    body_bytes: int = Field(default=33_554_432, ge=1, description="The longest body that is read.")


class NpcaSandbox(Sandbox):
    """The agency on a laptop. What it was sent is checked against the workspace's own `schemas/npca`."""

    Settings: ClassVar[type[SandboxSettings]] = NpcaSettings
    settings: NpcaSettings

    def __init__(self, settings: SandboxSettings, schemas: Path) -> None:
        super().__init__(settings, schemas)
        assert isinstance(settings, NpcaSettings)
        self.ledger = Ledger(settings.state)
        seed = Seed.read(settings.seed, schemas / "npca" / "codes.csv")
        self._rooms = Rooms(settings, self.ledger, seed, Judge(schemas, seed))

    def application(self) -> Application:
        return self._rooms.application()

    def environment(self, base_url: str) -> dict[str, str]:
        return {
            "NPCA_BASE_URL": base_url,
            "NPCA_CLIENT_ID": self.settings.client_id,
            "NPCA_CLIENT_SECRET": self.settings.client_secret.get_secret_value(),
            "NPCA_USERNAME": self.settings.username,
            "NPCA_PASSWORD": self.settings.password.get_secret_value(),
            "NPCA_FACILITY_CODE": self.settings.facility_code,
        }

    def close(self) -> None:
        self.ledger.close()
