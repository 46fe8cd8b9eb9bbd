"""deploy/kubernetes as the oldest and the newest supported API read it, strictly.

The types are Kubernetes' own, in Go, once for each version; kinds of operators are not among them.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.manifests import OVERLAYS, Object, rendered

PROGRAM = Path("tests/deploy/strict")
VERSIONS = {"oldest.mod": "1.34", "go.mod": "1.37"}
GROUPS = ("v1", "apps/v1", "batch/v1", "autoscaling/v2", "policy/v1", "networking.k8s.io/v1")


def faults(version: str, objects: list[Object]) -> list[str]:
    """Return what the API of a version finds wrong."""
    done = subprocess.run(
        ["go", "run", f"-modfile={version}", "."],  # noqa: S607
        cwd=PROGRAM,
        input="\n".join(json.dumps(one) for one in objects),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def of_kubernetes(overlay: str) -> list[Object]:
    return [one for one in rendered(overlay) if one["apiVersion"] in GROUPS]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_field_is_one_that_the_api_knows(version: str) -> None:
    objects = [one for overlay in OVERLAYS for one in of_kubernetes(overlay)]

    assert len(objects) > 50
    assert faults(version, objects) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_field_that_the_api_does_not_know_is_found(version: str) -> None:
    [*_, job] = [one for one in of_kubernetes("dev") if one["kind"] == "Job"]
    mistyped = {**job, "spec": {**job["spec"], "backofLimit": 1}}
    wrong = {**job, "spec": {**job["spec"], "backoffLimit": "six"}}

    found = faults(version, [mistyped, wrong])

    assert len(found) == 2
    assert 'unknown field "spec.backofLimit"' in found[0]


@pytest.mark.parametrize(("version", "minor"), VERSIONS.items())
def test_the_versions_are_those_of_the_page(version: str, minor: str) -> None:
    module = (PROGRAM / version).read_text(encoding="utf-8")
    page = Path("docs/how-to/deploy-on-kubernetes.md").read_text(encoding="utf-8")

    assert f"k8s.io/api v0.{minor.removeprefix('1.')}." in module
    assert minor in page.partition("## Try it")[0]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_only_operators_have_kinds_of_their_own(overlay: str) -> None:
    groups = {one["apiVersion"] for one in rendered(overlay)} - set(GROUPS)

    assert (groups == set()) == (overlay != "operators")
