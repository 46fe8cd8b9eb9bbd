"""What deploy/kubernetes tells a cluster: rendered by kustomize, each overlay once.

Kustomize is that of kubectl, or, where there is none, built from its Go module.
"""

import functools
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

TREE = Path("deploy/kubernetes")
OVERLAYS = ("dev", "prod", "operators")
"""`operators` is prod with each component that needs an operator in the cluster."""
_OPERATORS = ("cloudnative-pg", "strimzi", "keda", "prometheus-operator")
_MODULE = "sigs.k8s.io/kustomize/kustomize/v5@v5.0.3"  # the last that Go 1.19 builds

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Container:
    """A container of a pod, by the name of what owns the pod, or its own where it prepares."""

    name: str
    spec: Object
    pod: Object


@functools.cache
def rendered(overlay: str) -> tuple[Object, ...]:
    """Return the objects of an overlay, with secrets as the script makes them."""
    with tempfile.TemporaryDirectory() as folder:
        tree = copied(Path(folder))
        return tuple(yaml.safe_load_all(render(tree / "overlays" / overlay)))


def copied(folder: Path) -> Path:
    """Return a copy of the kustomizations, with secrets, and with the overlay `operators`."""
    tree = folder / "kubernetes"
    shutil.copytree(TREE, tree, ignore=shutil.ignore_patterns("secrets"))
    made = tree / "overlays" / "dev" / "secrets"
    making = ["sh", "deploy/secrets.sh", str(made)]
    subprocess.run(making, check=True, capture_output=True)
    added = tree / "overlays" / "operators"
    added.mkdir()
    components = [f"../../components/{name}" for name in _OPERATORS]
    wanted = {"namespace": "rollcall", "resources": ["../prod"], "components": components}
    (added / "kustomization.yaml").write_text(yaml.safe_dump(wanted), encoding="utf-8")
    return tree


def render(folder: Path) -> str:
    """Return what kustomize makes of a folder. Raises AssertionError with what it said."""
    done = subprocess.run(
        [*_kustomize(), str(folder)], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _kustomize() -> list[str]:
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    if not shutil.which("go"):
        pytest.skip("neither kubectl nor Go to build kustomize with; .ci/run installs Go")
    return ["go", "run", _MODULE, "build"]


def of_kind(objects: Iterable[Object], *kinds: str) -> list[Object]:
    """Return the objects of these kinds."""
    return [one for one in objects if one["kind"] in kinds]


def names(objects: Iterable[Object]) -> list[str]:
    """Return the names of objects."""
    return [str(one["metadata"]["name"]) for one in objects]


def owners(objects: Iterable[Object]) -> list[Object]:
    """Return what has pods."""
    return of_kind(objects, "Deployment", "StatefulSet", "Job")


def labels(owner: Object) -> dict[str, str]:
    """Return the labels of the pods of a Deployment, StatefulSet or Job."""
    return dict(owner["spec"]["template"]["metadata"]["labels"])


def containers(objects: Iterable[Object]) -> Iterator[Container]:
    """Yield every container, those that prepare as well."""
    for owner in owners(objects):
        pod = owner["spec"]["template"]["spec"]
        for one in pod["containers"]:
            yield Container(str(owner["metadata"]["name"]), one, pod)
        for one in pod.get("initContainers", []):
            yield Container(str(one["name"]), one, pod)


def secrets(volume: Object) -> list[tuple[str, list[Object]]]:
    """Return the Secrets of a volume, each by name with the keys that become files."""
    if "secret" in volume:
        return [(volume["secret"]["secretName"], volume["secret"]["items"])]
    sources = [one["secret"] for one in volume.get("projected", {}).get("sources", [])]
    return [(one["name"], one["items"]) for one in sources]


def is_selected(selector: Object, found: Mapping[str, str]) -> bool:
    """Tell whether labels match a selector's matchLabels and matchExpressions (`In` alone)."""
    wanted = {name: {text} for name, text in selector.get("matchLabels", {}).items()}
    for expression in selector.get("matchExpressions", []):
        assert expression["operator"] == "In"
        wanted[expression["key"]] = set(expression["values"])
    return all(found.get(name) in texts for name, texts in wanted.items())
