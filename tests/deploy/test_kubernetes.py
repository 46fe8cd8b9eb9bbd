"""deploy/kubernetes in a real cluster: started as its page says, replaced, scaled, killed."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy import cluster as clusters
from tests.deploy.cluster import Cluster, commands
from tests.support import manifests
from tests.support.deployed import SERVICES
from tests.support.waiting import eventually

SCRIPT = Path("tests/deploy/load.py").read_text(encoding="utf-8")
FASTER = """
configMapGenerator:
  - name: ingest
    behavior: merge
    literals: [ROLLCALL_INGEST_REQUESTS_PER_SECOND=10000, ROLLCALL_INGEST_BURST=100000]
"""
BUSY = 10
"""Directories, each below its own limit."""
_TARGET = "/spec/metrics/0/resource/target/averageUtilization"
SOONER = [{"op": "replace", "path": _TARGET, "value": 15}]
NEW_KEY = "another key of the tests"
MISLED = {
    "missing": ("roles", "ROLLCALL_ROLES_DATABASE_URL", None,
                r"ROLLCALL_ROLES_DATABASE_URL: is not set, and there is no file /run/secrets/.*"),
    "short": ("projector", "ROLLCALL_API_KEY", "marked",
              r"ROLLCALL_API_KEY: String should have at least 16 characters"),
    "refused": ("ingest", "ROLLCALL_INGEST_DATABASE_URL",
                "postgresql://ingest:marked@postgres:5432/rollcall",
                r'.*"reason":"ROLLCALL_INGEST_DATABASE_URL: Postgres refuses the user or the .*'),
    "empty": ("portal", "ROLLCALL_PORTAL_SECRET", "",
              r"ROLLCALL_PORTAL_SECRET: String should have at least 16 characters"),
}  # fmt: skip


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The overlay dev, ready; it is deleted at the end."""
    if not clusters.is_there():
        pytest.skip("no cluster answers")
    with clusters.installed(tmp_path_factory.mktemp("clone")) as made:
        yield made


@asynccontextmanager
async def load(cluster: Cluster, to: dict[str, Any], *how: str) -> AsyncIterator[dict[str, int]]:
    """Send users from within the cluster beside the block; the answers are counted after it."""
    seen: dict[str, int] = {}
    child = await asyncio.create_subprocess_exec(
        "kubectl", f"--namespace={clusters.NAMESPACE}", "exec", "--stdin", "deploy/toolbox", "--",
        "python", "-c", SCRIPT, to["endpoint"], to["token"], *how,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield seen
    finally:
        output, _ = await child.communicate(b"")  # and the end of its input
    seen.update(json.loads(output))


def verify(cluster: Cluster, made: dict[str, Any]) -> dict[str, Any]:
    return dict(cluster.rollcall("verify", "--directory", made["id"], "--within", "120"))


def test_the_last_command_of_the_page_syncs_and_verifies(cluster: Cluster) -> None:
    [*_, first_sync] = commands()

    said = cluster.do(first_sync)

    words = [line.split()[0] for line in said.splitlines()]
    assert words == ["ready", "synced", "mapped", "verified", "sign"]


@pytest.mark.parametrize("overlay", ["dev", "prod"])
def test_the_api_takes_every_object_strictly(
    cluster: Cluster, overlay: str, tmp_path: Path
) -> None:
    """As new ones in another namespace, of which nothing stays."""
    tree = manifests.copied(tmp_path)
    kustomization = tree / "overlays" / overlay / "kustomization.yaml"
    text = kustomization.read_text(encoding="utf-8")
    kustomization.write_text(text.replace("namespace: rollcall", "namespace: rollcall-strict"))
    [namespace, *others] = yaml.safe_load_all(manifests.render(kustomization.parent))
    cluster.apply(namespace)
    try:
        wanted = json.dumps({"apiVersion": "v1", "kind": "List", "items": others})
        strictly = ("create", "--dry-run=server", "--validate=strict", "--warnings-as-errors")
        told = cluster.do(["kubectl", *strictly, "--filename=-"], wanted)
    finally:
        cluster.do(["kubectl", "delete", "namespace", "rollcall-strict"])

    assert len(told.splitlines()) == len(others)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_cannot_write_and_is_not_root(cluster: Cluster, service: str) -> None:
    shell = ("exec", f"deploy/{service}", "--", "sh", "-c")

    said = cluster.kubectl(*shell, "id -u; touch /tmp/x /run/secrets/x 2>&1; ls /run/secrets; true")

    user, *rest = said.splitlines()
    assert user == "10001"
    assert len([line for line in rest if "Read-only file system" in line]) == 2
    assert "kubernetes.io" not in rest, "no token of the cluster"


async def test_a_changed_setting_replaces_pods_while_every_request_is_answered(
    cluster: Cluster,
) -> None:
    made = cluster.directory("Replaced")
    before = {name: {one["metadata"]["uid"] for one in cluster.pods(name)} for name in SERVICES}
    kustomization = cluster.overlay / "kustomization.yaml"

    async with load(cluster, made, "8", "0.25") as seen:
        await asyncio.sleep(2)
        kustomization.write_text(kustomization.read_text("utf-8") + FASTER)
        await asyncio.to_thread(cluster.kubectl, "delete", "job", "migrate", "topics",
                                "--ignore-not-found")  # fmt: skip
        await asyncio.to_thread(cluster.do, commands()[1])
        for name in ("roles", "projector", "portal"):
            await asyncio.to_thread(cluster.kubectl, "rollout", "restart", f"deploy/{name}")
        for name in SERVICES:
            status = ("rollout", "status", f"deploy/{name}", "--timeout=5m")
            await asyncio.to_thread(cluster.kubectl, *status)

    assert set(seen) == {"201"}, seen
    assert seen["201"] > 200
    for name in SERVICES:
        assert not before[name] & {one["metadata"]["uid"] for one in cluster.pods(name)}
    verdict = verify(cluster, made)
    assert verdict["exit_code"] == 0
    assert verdict["checks"]["C3"]["figures"]["events"] > seen["201"]
    print(f"{seen['201']} requests answered while all pods were replaced")  # noqa: T201


async def test_load_brings_another_ingest_and_every_request_is_answered(cluster: Cluster) -> None:
    """By the autoscaler, which asks the metrics server what pods use.

    It wants less than the manifest says: where clients, Postgres and Kafka share the cores, ingest
    alone never gets as far.
    """
    made = [cluster.directory(f"Busy {number}") for number in range(BUSY)]
    before = len(cluster.pods("ingest"))
    cluster.kubectl("patch", "hpa", "ingest", "--type=json", f"--patch={json.dumps(SOONER)}")

    async with AsyncExitStack() as stack:
        answers = [await stack.enter_async_context(load(cluster, one, "4", "0.08"))
                   for one in made]  # fmt: skip
        await eventually(lambda: len(cluster.pods("ingest")) > before, within_s=300)
        await eventually(lambda: cluster.is_ready("ingest"), within_s=120)
        await asyncio.sleep(5)

    scaler = cluster.get("hpa", "ingest")
    assert scaler["status"]["currentReplicas"] > before
    assert [set(seen) for seen in answers] == [{"201"}] * BUSY, answers
    for one in made:
        assert verify(cluster, one)["exit_code"] == 0
    total = sum(seen["201"] for seen in answers)
    print(f"{total} requests answered while ingest grew from {before} replicas")  # noqa: T201


def provided(cluster: Cluster, made: dict[str, Any], done: asyncio.Event) -> int:
    """Play OneLogin, company after company, until done; return how many requests there were."""
    to = ("--endpoint", made["endpoint"], "--token", made["token"])
    count = seed = 0
    while not done.is_set():
        seed += 1
        company = ("--users=30", "--groups=4", "--days=3", f"--seed={seed}")
        summary = cluster.rollcall("simulate", "onelogin", *to, *company)
        assert summary["refusals"] == 0, summary["refused"]
        count += sum(summary["requests"].values())
    return count


async def test_pods_that_are_killed_while_a_provider_writes_lose_nothing(cluster: Cluster) -> None:
    made = cluster.directory("Killed")
    done = asyncio.Event()

    provider = asyncio.create_task(asyncio.to_thread(provided, cluster, made, done))
    try:
        for name in SERVICES:
            [pod, *_] = cluster.pods(name)
            uid = pod["metadata"]["uid"]
            cluster.kubectl("delete", "pod", pod["metadata"]["name"], "--force", "--grace-period=0")
            await eventually(
                lambda name=name, uid=uid: (
                    cluster.is_ready(name)
                    and uid not in {one["metadata"]["uid"] for one in cluster.pods(name)}
                ),
                within_s=120,
            )
    finally:
        done.set()

    requests = await provider
    assert verify(cluster, made)["exit_code"] == 0
    print(f"{requests} requests while a pod of each service was killed")  # noqa: T201


def misled_pod(cluster: Cluster, name: str, service: str) -> dict[str, Any]:
    """Return a pod as the service has it, that reads another Secret and is not started again."""
    template = cluster.get("deploy", service)["spec"]["template"]["spec"]
    volumes = [{"name": "secrets", "secret": {"secretName": f"misled-{name}"}}]
    spec = {**template, "volumes": volumes, "restartPolicy": "Never"}
    labels = {"app.kubernetes.io/name": f"misled-{name}"}
    metadata = {"name": f"misled-{name}", "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def misled_secret(cluster: Cluster, name: str, key: str, text: str | None) -> dict[str, Any]:
    [made] = [one for one in cluster.get("secrets")["items"]
              if one["metadata"]["name"].startswith("rollcall-")]  # fmt: skip
    rest = {"data": {other: value for other, value in made["data"].items() if other != key}}
    changed = {} if text is None else {"stringData": {key: text}}
    metadata = {"name": f"misled-{name}"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **rest, **changed}


@pytest.mark.parametrize("name", MISLED)
async def test_what_is_missing_or_wrong_ends_a_pod_with_a_line_that_names_it(
    cluster: Cluster, name: str
) -> None:
    service, key, text, expected = MISLED[name]
    cluster.apply(misled_secret(cluster, name, key, text), misled_pod(cluster, name, service))

    def ended() -> dict[str, Any]:
        [found] = cluster.status(f"misled-{name}") or [{"state": {}}]
        return dict(found["state"].get("terminated", {}))

    how = await eventually(ended, within_s=120)

    [line] = how["message"].splitlines()
    assert how["exitCode"] == 2
    assert re.fullmatch(expected, line), line
    assert "marked" not in line


async def test_a_secret_that_changes_is_taken_up_by_whoever_runs(cluster: Cluster) -> None:
    [secret] = [one["metadata"]["name"] for one in cluster.get("secrets")["items"]
                if one["metadata"]["name"].startswith("rollcall-")]  # fmt: skip
    before = {name: sum(one["restartCount"] for one in cluster.status(name)) for name in SERVICES}
    change = json.dumps({"stringData": {"ROLLCALL_API_KEY": NEW_KEY}})

    cluster.kubectl("patch", "secret", secret, "--patch", change)

    def took_it_up(name: str) -> bool:
        found = cluster.status(name)
        anew = sum(one["restartCount"] for one in found) >= before[name] + len(found)
        return anew and cluster.is_ready(name)

    for name in SERVICES:
        await eventually(lambda name=name: took_it_up(name), within_s=300)
        ends = [one["lastState"]["terminated"]["exitCode"] for one in cluster.status(name)]
        assert set(ends) == {0}
    secret_of_toolbox = ("exec", "deploy/toolbox", "--", "cat", "/run/secrets/ROLLCALL_API_KEY")
    await eventually(lambda: cluster.kubectl(*secret_of_toolbox) == NEW_KEY, within_s=180)
    assert cluster.rollcall("directories", "list")
