"""The settings that all services have, and those of the services that speak Kafka.

docs/reference/settings.md says what each holds.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict

Secret = Annotated[str, StringConstraints(min_length=16)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
PublicUrl = Annotated[str, StringConstraints(pattern=r"^(https?://\S+)?$")]
Port = Annotated[int, Field(ge=1, le=65535)]
_DatabaseUrl = Annotated[str, StringConstraints(pattern=r"^postgres(ql)?://")]
_Servers = Annotated[str, StringConstraints(pattern=r"^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$")]


class ServiceSettings(BaseSettings):
    """Each service names its own variables by a prefix; those with an alias are shared."""

    model_config = SettingsConfigDict(frozen=True)

    database_url: _DatabaseUrl
    host: str = "127.0.0.1"
    api_key: Secret = Field(validation_alias="ROLLCALL_API_KEY")
    api_keys_file: str = Field("", validation_alias="ROLLCALL_API_KEYS_FILE")
    log_format: Literal["json", "console"] = Field("json", validation_alias="ROLLCALL_LOG_FORMAT")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", validation_alias="ROLLCALL_LOG_LEVEL"
    )
    traces_endpoint: Url | None = Field(None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    traces_share: Annotated[float, Field(ge=0, le=1)] = Field(
        1.0, validation_alias="OTEL_TRACES_SAMPLER_ARG"
    )


class KafkaSettings(BaseSettings):
    """How brokers are reached."""

    kafka_servers: _Servers = Field(validation_alias="ROLLCALL_KAFKA_SERVERS")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_SSL"] = Field(
        "PLAINTEXT", validation_alias="ROLLCALL_KAFKA_SECURITY_PROTOCOL"
    )
    kafka_ca: str = Field("", validation_alias="ROLLCALL_KAFKA_CA")
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        "SCRAM-SHA-512", validation_alias="ROLLCALL_KAFKA_SASL_MECHANISM"
    )
    kafka_username: str = Field("", validation_alias="ROLLCALL_KAFKA_USERNAME")
    kafka_password: str = Field("", validation_alias="ROLLCALL_KAFKA_PASSWORD")


class DrainSettings(BaseSettings):
    """How long a service that is told to stop still takes what a load balancer sends it."""

    drain_wait_s: Annotated[float, Field(ge=0, le=15)] = Field(
        0, validation_alias="ROLLCALL_DRAIN_WAIT_S"
    )
