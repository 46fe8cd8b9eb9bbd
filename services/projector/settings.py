"""The settings of the projector, from the environment."""

from pydantic_settings import SettingsConfigDict

from shared.settings import KafkaSettings, Port, ServiceSettings, Url


class Settings(ServiceSettings, KafkaSettings):
    """Variables start with ROLLCALL_PROJECTOR_ unless all services share them."""

    model_config = SettingsConfigDict(env_prefix="ROLLCALL_PROJECTOR_")

    port: Port = 8082
    ingest_url: Url = "http://127.0.0.1:8080"
