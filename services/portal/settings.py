"""The settings of the portal, from the environment."""

from typing import Annotated, Self

from pydantic import StringConstraints, model_validator
from pydantic_settings import SettingsConfigDict

from shared.settings import DrainSettings, Port, PublicUrl, Secret, ServiceSettings, Url

_ORIGINS = r"^(https://[A-Za-z0-9.:-]+( https://[A-Za-z0-9.:-]+)*)?$"
_OPERATORS = r"^([A-Za-z0-9_.:/-]+=.+)?$"


class Settings(ServiceSettings, DrainSettings):
    """Variables start with ROLLCALL_PORTAL_ unless all services share them."""

    model_config = SettingsConfigDict(env_prefix="ROLLCALL_PORTAL_")

    port: Port = 8083
    public_url: PublicUrl = ""
    secret: Secret
    ingest_url: Url = "http://127.0.0.1:8080"
    roles_url: Url = "http://127.0.0.1:8081"
    product_name: Annotated[str, StringConstraints(min_length=1, max_length=40)] = "Rollcall"
    accent: Annotated[str, StringConstraints(pattern=r"^(#[0-9a-fA-F]{6})?$")] = ""
    logo: Annotated[str, StringConstraints(pattern=r"^(.+\.(svg|png|webp|jpg))?$")] = ""
    embed_origins: Annotated[str, StringConstraints(pattern=_ORIGINS)] = ""
    oidc_issuer: PublicUrl = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_operators: Annotated[str, StringConstraints(pattern=_OPERATORS)] = ""

    @model_validator(mode="after")
    def _oidc_is_whole(self) -> Self:
        """Let nobody in by a provider without saying who of its users is an operator."""
        given = (self.oidc_issuer, self.oidc_client_id, self.oidc_operators)
        if any(given) and not all(given):
            raise ValueError(
                "ROLLCALL_PORTAL_OIDC_ISSUER, _OIDC_CLIENT_ID and _OIDC_OPERATORS go together"
            )
        return self

    @property
    def base_url(self) -> str:
        """How browsers reach the portal."""
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"
