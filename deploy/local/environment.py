"""What the services are told, and what others are told about them: pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploy.postgres.bootstrap import SERVICES

# Who runs all on one machine tries things out, and floods it on purpose: the limits of production
# would only be in the way. The environment may set them.
PREFERENCES = {
    "ROLLCALL_INGEST_REQUESTS_PER_SECOND": "10000",
    "ROLLCALL_INGEST_BURST": "100000",
}


@dataclass(frozen=True, slots=True)
class Wiring:
    """Secrets, ports and databases by name, and Kafka's host:port."""

    secrets: Mapping[str, str]
    ports: Mapping[str, int]
    databases: Mapping[str, str]
    kafka: str

    def base(self, service: str) -> str:
        """Return the address of a service."""
        return f"http://127.0.0.1:{self.ports[service]}"


def variables(wiring: Wiring) -> dict[str, str]:
    """Return the environment variables of the services."""
    return {
        **{f"ROLLCALL_{name.upper()}_DATABASE_URL": wiring.databases[name] for name in SERVICES},
        **{f"ROLLCALL_{name.upper()}_HOST": "127.0.0.1" for name in SERVICES},
        **{f"ROLLCALL_{name.upper()}_PORT": str(wiring.ports[name]) for name in SERVICES},
        "ROLLCALL_KAFKA_SERVERS": wiring.kafka,
        "ROLLCALL_API_KEY": wiring.secrets["api_key"],
        "ROLLCALL_INGEST_PUBLIC_URL": wiring.base("ingest"),
        "ROLLCALL_INGEST_TOKEN_PEPPER": wiring.secrets["pepper"],
        "ROLLCALL_ROLES_INGEST_URL": wiring.base("ingest"),
        "ROLLCALL_PROJECTOR_INGEST_URL": wiring.base("ingest"),
        "ROLLCALL_PORTAL_PUBLIC_URL": wiring.base("portal"),
        "ROLLCALL_PORTAL_SECRET": wiring.secrets["portal_secret"],
        "ROLLCALL_PORTAL_INGEST_URL": wiring.base("ingest"),
        "ROLLCALL_PORTAL_ROLES_URL": wiring.base("roles"),
    }


def description(wiring: Wiring, sign_in: str, pids: Mapping[str, int]) -> dict[str, Any]:
    """Return the content of `run.json` (design section 9)."""
    return {
        "portal": wiring.base("portal"),
        "sign_in": sign_in,
        "scim": f"{wiring.base('ingest')}/scim/v2",
        "ingest": wiring.base("ingest"),
        "roles": wiring.base("roles"),
        "projector": wiring.base("projector"),
        "api_key": wiring.secrets["api_key"],
        "kafka": wiring.kafka,
        "postgres": dict(wiring.databases),
        "pids": dict(pids),
    }
