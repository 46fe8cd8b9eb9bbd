from deploy.local import environment
from deploy.local.environment import Wiring

SERVICES = ("ingest", "roles", "projector", "portal")
WIRING = Wiring(
    secrets={"api_key": "key", "pepper": "pepper", "portal_secret": "secret"},
    ports={"ingest": 8080, "roles": 8081, "projector": 8082, "portal": 21_000},
    databases={name: f"postgresql://{name}@127.0.0.1/rollcall" for name in SERVICES},
    kafka="127.0.0.1:9092",
)


def test_each_service_gets_its_own_database_and_listens_on_this_machine_alone() -> None:
    variables = environment.variables(WIRING)

    for name in SERVICES:
        assert variables[f"ROLLCALL_{name.upper()}_DATABASE_URL"] == WIRING.databases[name]
        assert variables[f"ROLLCALL_{name.upper()}_HOST"] == "127.0.0.1"


def test_addresses_follow_the_ports_that_were_chosen() -> None:
    variables = environment.variables(WIRING)

    assert variables["ROLLCALL_PORTAL_PUBLIC_URL"] == "http://127.0.0.1:21000"
    assert variables["ROLLCALL_PORTAL_INGEST_URL"] == "http://127.0.0.1:8080"
    assert variables["ROLLCALL_PORTAL_PORT"] == "21000"


def test_run_json_names_what_a_person_needs() -> None:
    run = environment.description(WIRING, "http://127.0.0.1:21000/link/x", {"ingest": 7})

    assert run == {
        "portal": "http://127.0.0.1:21000",
        "sign_in": "http://127.0.0.1:21000/link/x",
        "scim": "http://127.0.0.1:8080/scim/v2",
        "ingest": "http://127.0.0.1:8080",
        "roles": "http://127.0.0.1:8081",
        "projector": "http://127.0.0.1:8082",
        "api_key": "key",
        "kafka": "127.0.0.1:9092",
        "postgres": dict(WIRING.databases),
        "pids": {"ingest": 7},
    }
