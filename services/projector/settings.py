"""The settings of the projector, from the environment."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict

Secret = Annotated[str, StringConstraints(min_length=16)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
DatabaseUrl = Annotated[str, StringConstraints(pattern=r"^postgres(ql)?://")]
Servers = Annotated[str, StringConstraints(pattern=r"^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$")]


class Settings(BaseSettings):
    """Variables start with ROLLCALL_PROJECTOR_ unless all services share them."""

    model_config = SettingsConfigDict(env_prefix="ROLLCALL_PROJECTOR_", frozen=True)

    database_url: DatabaseUrl
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8082
    api_key: Secret = Field(validation_alias="ROLLCALL_API_KEY")
    api_keys_file: str = Field("", validation_alias="ROLLCALL_API_KEYS_FILE")
    ingest_url: Url = "http://127.0.0.1:8080"
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
