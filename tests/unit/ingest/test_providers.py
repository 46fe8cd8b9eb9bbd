"""Which provider a request looks like; each case is traffic that is documented or was captured."""

from typing import Any

import pytest

from services.ingest.domain.providers import Traits, guess
from tests.support.recorded import FILES

LOOKUP = "/Users?filter=userName+eq+%22ada%40globex.test%22"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ADSCIM = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
ADD = {"Operations": [{"op": "add", "path": "members", "value": []}]}


@pytest.mark.parametrize(
    ("agent", "target", "body", "provider"),
    [
        ("Okta SCIM Client 1.0.0", LOOKUP, None, "okta"),
        ("OneLogin SCIM", LOOKUP, None, "onelogin"),
        ("JumpCloud-SCIM", "/Users", None, "jumpcloud"),
        ("PingFederate/12", "/Users", None, "ping"),
        ("Rippling/1", "/Users", None, "rippling"),
        ("authentik@2025.10", "/Users", None, "authentik"),
        ("Google-Provisioning", "/Users", None, "google"),
        (None, f"{LOOKUP}&", None, "onelogin"),
        (None, "/Users?", {"schemas": ["urn:scim:schemas:core:2.0"]}, "onelogin"),
        (None, "/Groups/1?", ADD, "onelogin"),
        (None, "/Groups?count=100&startIndex=101", None, "onelogin"),
        (None, LOOKUP, None, "generic"),
        (None, "/Users/1", {"Operations": [{"op": "Replace"}]}, "entra"),
        ("Mozilla", "/Groups", {"schemas": [USER, ADSCIM]}, "entra"),
        ("", f"{LOOKUP}&aadOptscim062020", None, "entra"),
        ("Go-http-client/2.0", "/Users", {"schemas": [ENTERPRISE, USER]}, "jumpcloud"),
        ("Java/21", "/Users?filter=emails+eq+%22a%22", None, "ping"),
        ("x", "/Users?filter=emails.value+eq+%22a%22", None, "rippling"),
        ("x", "/Users?filter=emails%5Bprimary+eq+true%5D.value+eq+%22a%22", None, "rippling"),
        (
            "python-requests/2",
            "/Groups/1",
            {"Operations": [{"op": "replace", "value": {"id": "1", "schemas": [], "meta": {}}}]},
            "authentik",
        ),
        ("curl/8", LOOKUP, None, "generic"),
        ("curl/8", "/Users", {"schemas": [USER, ENTERPRISE]}, "generic"),
        ("curl/8", "/Users", ["odd"], "generic"),
        ("curl/8", "/Users", {"schemas": 7, "Operations": [7]}, "generic"),
    ],
)
def test_a_request_looks_like_its_provider(
    agent: str | None, target: str, body: Any, provider: str
) -> None:
    assert guess(Traits(agent, names_entra_version=False, target=target, body=body)) == provider


def test_microsofts_own_header_tells() -> None:
    assert guess(Traits("x", names_entra_version=True, target="/Users")) == "entra"


@pytest.mark.parametrize("name", FILES)
def test_recorded_traffic_looks_like_its_provider_or_like_nobody(name: str) -> None:
    request = FILES[name]["request"]
    headers = {key.lower(): value for key, value in request.get("headers", {}).items()}
    traits = Traits(
        headers.get("user-agent"), "adscimversion" in headers, request["path"], request.get("body")
    )

    assert guess(traits) in {name.partition("/")[0].removesuffix("-flag"), "generic"}
