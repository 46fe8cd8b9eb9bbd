"""The settings of roles, from the environment."""

from pydantic_settings import SettingsConfigDict

from shared.settings import DrainSettings, KafkaSettings, Port, ServiceSettings, Url


class Settings(ServiceSettings, KafkaSettings, DrainSettings):
    """Variables start with ROLLCALL_ROLES_ unless all services share them."""

    model_config = SettingsConfigDict(env_prefix="ROLLCALL_ROLES_")

    port: Port = 8081
    ingest_url: Url = "http://127.0.0.1:8080"
