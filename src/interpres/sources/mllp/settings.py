"""What may be said of an MLLP source."""

from __future__ import annotations

from pydantic import Field

from interpres.settings import Settings
from interpres.tls import TlsSettings


class MllpLimits(Settings):
    """What one peer may cost."""

    frame_bytes: int = Field(default=64 << 20, ge=1024, description="How large a frame may be, in bytes.")
    connections: int = Field(default=1000, ge=1, description="How many may be open at once; the longest silent one makes room.")
    silent_seconds: float = Field(
        default=60.0, gt=0, description="How long silence may last before a first frame, or inside one."
    )
    idle_seconds: float = Field(default=86400.0, gt=0, description="How long a connection may rest between frames.")


class MllpSettings(Settings):
    """Where to listen."""

    host: str = Field(default="127.0.0.1", description="The address to listen on; 0.0.0.0 is every one that this machine has.")
    port: int = Field(default=2575, ge=0, le=65535, description="The port; 0 takes a free one.")
    limits: MllpLimits = Field(default_factory=MllpLimits, description="What one peer may cost.")
    tls: TlsSettings | None = Field(default=None, description="TLS, where peers are reached over a network that others share.")
