"""The settings of ingest, from the environment."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict

Secret = Annotated[str, StringConstraints(min_length=16)]
# One on each line; the first is the current one.
Peppers = Annotated[str, StringConstraints(pattern=r"^[^\r\n]{16,}(\r?\n[^\r\n]{16,})*$")]
DatabaseUrl = Annotated[str, StringConstraints(pattern=r"^postgres(ql)?://")]
Servers = Annotated[str, StringConstraints(pattern=r"^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
PublicUrl = Annotated[str, StringConstraints(pattern=r"^(https?://\S+)?$")]


class Settings(BaseSettings):
    """Variables start with ROLLCALL_INGEST_ unless all services share them."""

    model_config = SettingsConfigDict(env_prefix="ROLLCALL_INGEST_", frozen=True)

    database_url: DatabaseUrl
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    public_url: PublicUrl = ""
    token_pepper: Peppers
    request_log_days: Annotated[int, Field(ge=0, le=365)] = 7
    requests_per_second: Annotated[float, Field(gt=0, le=10_000)] = 50
    burst: Annotated[int, Field(ge=1, le=100_000)] = 200
    max_in_flight: Annotated[int, Field(ge=4, le=10_000)] = 256
    max_connections: Annotated[int, Field(ge=0, le=100_000)] = 2_000
    max_connections_per_peer: Annotated[int, Field(ge=0, le=100_000)] = 0
    drain_wait_s: Annotated[float, Field(ge=0, le=15)] = Field(
        0, validation_alias="ROLLCALL_DRAIN_WAIT_S"
    )
    api_key: Secret = Field(validation_alias="ROLLCALL_API_KEY")
    api_keys_file: str = Field("", validation_alias="ROLLCALL_API_KEYS_FILE")
    kafka_servers: Servers = Field(validation_alias="ROLLCALL_KAFKA_SERVERS")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_SSL"] = Field(
        "PLAINTEXT", validation_alias="ROLLCALL_KAFKA_SECURITY_PROTOCOL"
    )
    kafka_ca: str = Field("", validation_alias="ROLLCALL_KAFKA_CA")
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        "SCRAM-SHA-512", validation_alias="ROLLCALL_KAFKA_SASL_MECHANISM"
    )
    kafka_username: str = Field("", validation_alias="ROLLCALL_KAFKA_USERNAME")
    kafka_password: str = Field("", validation_alias="ROLLCALL_KAFKA_PASSWORD")
    log_format: Literal["json", "console"] = Field("json", validation_alias="ROLLCALL_LOG_FORMAT")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", validation_alias="ROLLCALL_LOG_LEVEL"
    )
    traces_endpoint: Url | None = Field(None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    traces_share: Annotated[float, Field(ge=0, le=1)] = Field(
        1.0, validation_alias="OTEL_TRACES_SAMPLER_ARG"
    )

    @property
    def base_url(self) -> str:
        """How providers reach this service."""
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"
