"""The settings of ingest, from the environment."""

from typing import Annotated

from pydantic import Field, StringConstraints
from pydantic_settings import SettingsConfigDict

from shared.settings import DrainSettings, KafkaSettings, Port, PublicUrl, ServiceSettings

# One on each line; the first is the current one.
_Peppers = Annotated[str, StringConstraints(pattern=r"^[^\r\n]{16,}(\r?\n[^\r\n]{16,})*$")]


class Settings(ServiceSettings, KafkaSettings, DrainSettings):
    """Variables start with ROLLCALL_INGEST_ unless all services share them."""

    model_config = SettingsConfigDict(env_prefix="ROLLCALL_INGEST_")

    port: Port = 8080
    public_url: PublicUrl = ""
    token_pepper: _Peppers
    request_log_days: Annotated[int, Field(ge=0, le=365)] = 7
    requests_per_second: Annotated[float, Field(gt=0, le=10_000)] = 50
    burst: Annotated[int, Field(ge=1, le=100_000)] = 200
    max_in_flight: Annotated[int, Field(ge=4, le=10_000)] = 256
    max_connections: Annotated[int, Field(ge=0, le=100_000)] = 2_000
    max_connections_per_peer: Annotated[int, Field(ge=0, le=100_000)] = 0

    @property
    def base_url(self) -> str:
        """How providers reach this service."""
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"
