"""The settings of the portal, from the environment."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict

Secret = Annotated[str, StringConstraints(min_length=16)]


class Settings(BaseSettings):
    """Variables start with ROLLCALL_PORTAL_ unless all services share them."""

    model_config = SettingsConfigDict(env_prefix="ROLLCALL_PORTAL_", frozen=True)

    database_url: str
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8083
    public_url: str = ""
    secret: Secret
    ingest_url: str = "http://127.0.0.1:8080"
    roles_url: str = "http://127.0.0.1:8081"
    api_key: Secret = Field(validation_alias="ROLLCALL_API_KEY")
    log_format: Literal["json", "console"] = Field("json", validation_alias="ROLLCALL_LOG_FORMAT")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", validation_alias="ROLLCALL_LOG_LEVEL"
    )

    @property
    def base_url(self) -> str:
        """How browsers reach the portal."""
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"
