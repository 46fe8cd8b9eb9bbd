"""deploy/kubernetes refers to nothing that is not there, and keeps its own rules."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.roles.consumer import GROUP
from shared import service
from shared.contracts.topics import DIRECTORY_EVENTS
from tests.contract import metrics
from tests.support.deployed import MAY_BE_SECRET, NAMED_BY_SETTINGS, SERVICES
from tests.support.manifests import (
    OVERLAYS,
    TREE,
    Container,
    Object,
    containers,
    is_selected,
    labels,
    names,
    of_kind,
    owners,
    rendered,
    secrets,
)

PAGE = Path("docs/how-to/deploy-on-kubernetes.md").read_text(encoding="utf-8")
VERSION = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
DRAIN = "ROLLCALL_DRAIN_WAIT_S"
everywhere = pytest.mark.parametrize("overlay", OVERLAYS)


def deployments(overlay: str) -> dict[str, Object]:
    """Return the Deployments of the services."""
    return {
        str(one["metadata"]["name"]): one
        for one in of_kind(rendered(overlay), "Deployment")
        if labels(one)["app.kubernetes.io/component"] == "service"
    }


def ours(overlay: str) -> list[Container]:
    return [one for one in containers(rendered(overlay)) if "rollcall:" in one.spec["image"]]


def ports(owner: Object) -> set[str]:
    """Return the names of the ports of a pod."""
    found = owner["spec"]["template"]["spec"]["containers"]
    return {port["name"] for one in found for port in one.get("ports", [])}


def selected(overlay: str, selector: Object) -> list[Object]:
    return [one for one in owners(rendered(overlay)) if is_selected(selector, labels(one))]


@everywhere
def test_everything_is_in_one_namespace_with_restricted_pods_and_named_once(overlay: str) -> None:
    objects = rendered(overlay)
    [namespace] = of_kind(objects, "Namespace")
    inside = [one for one in objects if one is not namespace]

    enforced = namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert enforced == "restricted"
    assert {one["metadata"]["namespace"] for one in inside} == {namespace["metadata"]["name"]}
    assert len({(one["kind"], one["metadata"]["name"]) for one in objects}) == len(objects)


@everywhere
def test_each_selector_finds_pods_of_its_own_and_no_others(overlay: str) -> None:
    for owner in of_kind(rendered(overlay), "Deployment", "StatefulSet"):
        assert selected(overlay, owner["spec"]["selector"]) == [owner]
    for budget in of_kind(rendered(overlay), "PodDisruptionBudget"):
        [found] = selected(overlay, budget["spec"]["selector"])
        assert found["metadata"]["name"] == budget["metadata"]["name"]


@everywhere
def test_each_service_leads_to_a_port_of_pods_of_its_name(overlay: str) -> None:
    for one in of_kind(rendered(overlay), "Service"):
        [found] = selected(overlay, {"matchLabels": one["spec"]["selector"]})
        assert found["metadata"]["name"] == one["metadata"]["name"]
        assert {port["targetPort"] for port in one["spec"]["ports"]} <= ports(found)


@everywhere
def test_each_volume_and_configuration_that_is_named_is_there(overlay: str) -> None:
    objects = rendered(overlay)
    maps = set(names(of_kind(objects, "ConfigMap")))
    for one in containers(objects):
        volumes = {volume["name"] for volume in one.pod.get("volumes", [])}
        assert {mount["name"] for mount in one.spec.get("volumeMounts", [])} <= volumes
        assert {source["configMapRef"]["name"] for source in one.spec.get("envFrom", [])} <= maps


def test_each_secret_and_key_that_dev_names_is_there() -> None:
    objects = rendered("dev")
    keys = {one["metadata"]["name"]: set(one["data"]) for one in of_kind(objects, "Secret")}
    for one in containers(objects):
        for volume in one.pod.get("volumes", []):
            for name, items in secrets(volume):
                there = keys[name] | MAY_BE_SECRET | NAMED_BY_SETTINGS
                assert {item["key"] for item in items} <= there


@everywhere
def test_what_scales_names_a_service_and_nobody_else_says_how_many(overlay: str) -> None:
    for one in of_kind(rendered(overlay), "HorizontalPodAutoscaler"):
        target = deployments(overlay)[one["spec"]["scaleTargetRef"]["name"]]
        assert "replicas" not in target["spec"]
        [found] = target["spec"]["template"]["spec"]["containers"]
        # A share of what is requested is what it scales by.
        assert found["resources"]["requests"]["cpu"]
        assert one["spec"]["minReplicas"] < one["spec"]["maxReplicas"]


def test_keda_asks_kafka_for_what_roles_reads() -> None:
    [scaled] = of_kind(rendered("operators"), "ScaledObject")

    [trigger] = scaled["spec"]["triggers"]
    assert scaled["spec"]["scaleTargetRef"]["name"] in deployments("operators")
    assert trigger["metadata"]["consumerGroup"] == GROUP
    assert trigger["metadata"]["topic"] == DIRECTORY_EVENTS.name
    assert scaled["spec"]["maxReplicaCount"] == DIRECTORY_EVENTS.partitions
    assert trigger["metadata"]["bootstrapServersFromEnv"] == "ROLLCALL_KAFKA_SERVERS"


@everywhere
def test_network_policies_name_pods_and_ports_that_exist(overlay: str) -> None:
    pods = [*owners(rendered(overlay)), *owners(rendered("dev"))]
    for policy in of_kind(rendered(overlay), "NetworkPolicy"):
        spec = policy["spec"]
        rules = [*spec.get("ingress", []), *spec.get("egress", [])]
        peers = [peer for rule in rules for peer in [*rule.get("from", []), *rule.get("to", [])]]
        for selector in [spec, *[peer for peer in peers if "podSelector" in peer]]:
            found = [one for one in pods if is_selected(selector["podSelector"], labels(one))]
            assert found, policy["metadata"]["name"]
        named = {port["port"] for rule in rules for port in rule.get("ports", [])}
        assert {name for name in named if isinstance(name, str)} <= {"http"}


def test_the_monitor_finds_every_service_and_rules_name_metrics_that_exist() -> None:
    objects = rendered("operators")
    [monitor] = of_kind(objects, "PodMonitor")
    [rules] = of_kind(objects, "PrometheusRule")

    found = selected("operators", monitor["spec"]["selector"])
    expressions = [rule["expr"] for group in rules["spec"]["groups"] for rule in group["rules"]]
    asked = {re.sub("_(bucket|count|sum)$", "", name) for one in expressions
             for name in re.findall(r"rollcall_\w+", one)}  # fmt: skip

    assert sorted(names(found)) == sorted(SERVICES)
    assert all(end["port"] in ports(one) for one in found
               for end in monitor["spec"]["podMetricsEndpoints"])  # fmt: skip
    assert len(expressions) > 3
    assert asked <= set(re.findall(r"`(rollcall_\w+)`", metrics.page()))


@everywhere
def test_every_pod_is_what_restricted_asks_for(overlay: str) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted."""
    for one in containers(rendered(overlay)):
        pod, own = one.pod["securityContext"], one.spec["securityContext"]
        assert pod["runAsNonRoot"]
        assert pod["runAsUser"] > 0
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(one.pod)
        for volume in one.pod.get("volumes", []):
            assert set(volume) - {"name"} <= {"secret", "projected", "emptyDir"}


@everywhere
def test_what_runs_is_bounded_and_knows_nothing_of_the_cluster(overlay: str) -> None:
    for one in containers(rendered(overlay)):
        assert one.spec["resources"]["limits"]["memory"]
        assert set(one.spec["resources"]["requests"]) == {"cpu", "memory"}
        assert one.pod["automountServiceAccountToken"] is False
        # ROLLCALL_… and KAFKA_… out of the names of Services would be read as settings.
        assert one.pod["enableServiceLinks"] is False
    for one in ours(overlay):
        assert one.spec["securityContext"]["readOnlyRootFilesystem"] is True
        assert one.spec["terminationMessagePolicy"] == "FallbackToLogsOnError"


@everywhere
def test_images_are_pinned_and_ours_is_of_this_version(overlay: str) -> None:
    assert all(re.search(r":\d[\w.]*$", one.spec["image"]) for one in containers(rendered(overlay)))
    assert {one.spec["image"].rpartition(":")[2] for one in ours(overlay)} == {VERSION}
    assert len(ours(overlay)) >= len(SERVICES) + 3


@everywhere
@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_asked_replaced_stopped_and_spread_alike(overlay: str, name: str) -> None:
    spec = deployments(overlay)[name]["spec"]
    pod = spec["template"]["spec"]
    [found] = pod["containers"]

    assert found["args"] == [name]
    assert found["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    assert found["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "http"}
    assert found["startupProbe"]["httpGet"] == {"path": "/livez", "port": "http"}
    assert seconds(found["startupProbe"]) >= 150  # Postgres 30, migrations 60, Kafka 30, and more
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    spread = {one["topologyKey"] for one in pod["topologySpreadConstraints"]}
    assert spread == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
    assert name in names(of_kind(rendered(overlay), "PodDisruptionBudget"))


def seconds(probe: dict[str, Any]) -> int:
    return int(probe["periodSeconds"]) * int(probe["failureThreshold"])


@everywhere
@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_the_time_to_stop_that_it_may_take(overlay: str, name: str) -> None:
    pod = deployments(overlay)[name]["spec"]["template"]["spec"]
    [found] = pod["containers"]

    before = found["lifecycle"]["preStop"]["sleep"]["seconds"]
    by_itself = service._STOP_WITHIN_S  # noqa: SLF001  # the bound of the code
    assert before + by_itself < pod["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("name", ["ingest", "roles", "portal"])
def test_a_service_that_ends_by_itself_goes_on_until_its_probe_has_told(name: str) -> None:
    [found] = deployments("prod")[name]["spec"]["template"]["spec"]["containers"]
    maps = of_kind(rendered("prod"), "ConfigMap")
    [waits] = [one["data"][DRAIN] for one in maps
               if re.fullmatch(rf"{name}-\w{{10}}", one["metadata"]["name"])]  # fmt: skip

    assert seconds(found["readinessProbe"]) < float(waits)


@everywhere
def test_jobs_may_fail_for_a_while_and_go_by_themselves(overlay: str) -> None:
    jobs = of_kind(rendered(overlay), "Job")

    assert names(jobs) == ["migrate", "topics"]
    for job in jobs:
        assert job["spec"]["backoffLimit"] >= 5
        assert job["spec"]["ttlSecondsAfterFinished"]
        assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"


def test_prod_has_three_of_each_service() -> None:
    [scaled] = of_kind(rendered("prod"), "HorizontalPodAutoscaler")
    found = deployments("prod")

    assert {one["spec"].get("replicas") for name, one in found.items() if name != "ingest"} == {3}
    assert scaled["spec"]["minReplicas"] == 3


def test_every_file_is_part_of_something_and_every_component_is_on_the_page() -> None:
    for kustomization in TREE.rglob("kustomization.yaml"):
        wanted = kustomization.read_text(encoding="utf-8")
        files = {path.relative_to(kustomization.parent).as_posix()
                 for path in kustomization.parent.rglob("*.yaml")}  # fmt: skip
        nested = {path for path in files if path.endswith("kustomization.yaml")}
        assert all(path in wanted for path in files - nested), kustomization
        assert yaml.safe_load(wanted)["kind"] in {"Kustomization", "Component"}
    for component in (TREE / "components").iterdir():
        assert f"`{component.name}`" in PAGE
