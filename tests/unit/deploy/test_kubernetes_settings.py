"""What deploy/kubernetes gives each container is what it reads; secrets come as files alone."""

import base64
import json
import re
from urllib.parse import urlsplit

import pytest

from shared import kafka
from tests.support.deployed import (
    MAY_BE_SECRET,
    NAMED_BY_SETTINGS,
    READ_BY,
    SECRET,
    SERVICES,
    SUPERUSER,
    URLS,
    of_the_image,
    required_by,
    settings_of,
)
from tests.support.manifests import (
    OVERLAYS,
    Container,
    Object,
    containers,
    of_kind,
    rendered,
    secrets,
)

READS = {**READ_BY, **{name: settings_of(name) for name in SERVICES}}
NEEDED_BY = {"API_KEYS": {"ROLLCALL_API_KEYS_FILE"}, "POSTGRES_CA": URLS}
OPENS_KAFKA = {*kafka.VARIABLES.values()} - {"ROLLCALL_KAFKA_SERVERS"}
OURS = (*SERVICES, "migrate", "topics", "toolbox")
BY_OVERLAY = [
    (overlay, name)
    for overlay in OVERLAYS
    for name in (*OURS, *["bootstrap"] * (overlay != "prod"))
]  # fmt: skip
everywhere = pytest.mark.parametrize(("overlay", "name"), BY_OVERLAY)


def container(overlay: str, name: str) -> Container:
    [found] = [one for one in containers(rendered(overlay)) if one.name == name]
    return found


def config(overlay: str, found: Container) -> dict[str, str]:
    """Return the variables that ConfigMaps give to a container; it is given none otherwise."""
    assert "env" not in found.spec
    maps = {one["metadata"]["name"]: one["data"] for one in of_kind(rendered(overlay), "ConfigMap")}
    given: dict[str, str] = {}
    for source in found.spec.get("envFrom", []):
        more = maps[source["configMapRef"]["name"]]
        assert not given.keys() & more.keys(), "one of them would win by its place"
        given |= more
    return given


def files(found: Container) -> set[str]:
    """Return the names of the files that a container finds in the folder of its secrets."""
    mounts = found.spec.get("volumeMounts", [])
    volumes = {one["name"]: one for one in found.pod.get("volumes", [])}
    mounted = [volumes[one["name"]] for one in mounts if one["mountPath"] == "/run/secrets"]
    return {item["path"] for one in mounted for _, items in secrets(one) for item in items}


def read_by(name: str) -> set[str]:
    return set(READS["rollcall" if name == "toolbox" else name])


@everywhere
def test_nothing_is_given_that_is_not_read(overlay: str, name: str) -> None:
    found = container(overlay, name)

    given = {*config(overlay, found), *files(found) - NAMED_BY_SETTINGS}
    assert given <= read_by(name) - of_the_image()


@everywhere
def test_the_secrets_that_are_read_are_files_and_no_other_way_is_taken(
    overlay: str, name: str
) -> None:
    found = container(overlay, name)

    secret = {*SECRET, *MAY_BE_SECRET, SUPERUSER}
    assert files(found) - NAMED_BY_SETTINGS == read_by(name) & secret
    assert not secret & set(config(overlay, found))


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_needs_is_given_and_all_else_can_be(overlay: str, name: str) -> None:
    found = container(overlay, name)

    given = {*config(overlay, found), *files(found)}
    assert required_by(name) <= given
    # Whatever an overlay merges into these reaches the service.
    own = [source["configMapRef"]["name"].rpartition("-")[0] for source in found.spec["envFrom"]]
    assert {"every-service", name} <= set(own)


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("name", ["topics", "toolbox"])
def test_what_commands_need_is_given(overlay: str, name: str) -> None:
    found = container(overlay, name)

    given = {*config(overlay, found), *files(found) - NAMED_BY_SETTINGS}
    assert read_by(name) - OPENS_KAFKA <= given <= read_by(name)


@everywhere
def test_files_that_settings_name_are_there_for_whoever_needs_them(overlay: str, name: str) -> None:
    needed = {file for file, wanted in NEEDED_BY.items() if wanted & read_by(name)}

    assert files(container(overlay, name)) & NAMED_BY_SETTINGS == needed


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_address_in_a_setting_leads_to_a_service_that_listens_there(overlay: str) -> None:
    objects = rendered(overlay)
    listening = {
        f"{one['metadata']['name']}:{port['port']}"
        for one in of_kind(objects, "Service")
        for port in one["spec"]["ports"]
    }

    asked = {
        urlsplit(text).netloc
        for one in of_kind(objects, "ConfigMap")
        for name, text in one["data"].items()
        if name.endswith("_URL") and not name.endswith("_PUBLIC_URL")
    }

    assert len(asked) == len(SERVICES)
    assert asked <= listening


def test_kafka_and_postgres_of_dev_are_where_settings_and_secrets_say() -> None:
    objects = rendered("dev")
    ports = {
        f"{one['metadata']['name']}:{one['spec']['ports'][0]['port']}"
        for one in of_kind(objects, "Service")
    }
    texts = [text for one in of_kind(objects, "Secret") for text in decoded(one).items()]

    addresses = {urlsplit(text).netloc.rpartition("@")[2] for name, text in texts if name in URLS}

    assert addresses == {"postgres:5432"}
    assert addresses <= ports
    assert config("dev", container("dev", "topics"))["ROLLCALL_KAFKA_SERVERS"] in ports


def decoded(secret: Object) -> dict[str, str]:
    return {name: base64.b64decode(text).decode() for name, text in secret["data"].items()}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_secret_is_anywhere_but_in_secrets(overlay: str) -> None:
    made = [text for one in of_kind(rendered("dev"), "Secret") for text in decoded(one).values()]
    others = [one for one in rendered(overlay) if one["kind"] != "Secret"]

    assert not [text for text in made if text.strip() in json.dumps(others)]
    assert not re.search(r"://[^/\s\"]*@", json.dumps(others))


def test_a_changed_setting_or_secret_gets_another_name_so_pods_are_replaced() -> None:
    objects = of_kind(rendered("dev"), "ConfigMap", "Secret")

    assert objects
    assert all(len(one["metadata"]["name"].rpartition("-")[2]) == 10 for one in objects)


def test_the_secret_of_prod_is_the_operators_own_and_read_without_being_required() -> None:
    objects = rendered("prod")
    volumes = [
        one["secret"]
        for found in containers(objects)
        for one in found.pod.get("volumes", [])
        if "secret" in one
    ]

    assert not of_kind(objects, "Secret")
    assert {one["secretName"] for one in volumes} == {"rollcall"}
    # Else a pod would wait for ever, where a service says which key is missing.
    assert all(one["optional"] for one in volumes)
