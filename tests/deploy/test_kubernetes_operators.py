"""What is said to operators, strictly as the Go types of each operator read it.

Strimzi's types are Java, so its two objects are not among them.
"""

import json
import subprocess
from pathlib import Path

from tests.support.manifests import Object, rendered

PROGRAM = Path("tests/deploy/operators")
GROUPS = ("keda.sh", "monitoring.coreos.com", "postgresql.cnpg.io")


def of_operators() -> list[Object]:
    return [one for one in rendered("operators") if one["apiVersion"].partition("/")[0] in GROUPS]


def faults(*objects: Object) -> list[str]:
    """Return what the operators' types find wrong."""
    done = subprocess.run(
        ["go", "run", "."],  # noqa: S607
        cwd=PROGRAM,
        input="\n".join(json.dumps(one) for one in objects),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_every_field_is_one_that_its_operator_knows() -> None:
    objects = of_operators()

    assert {one["apiVersion"].partition("/")[0] for one in objects} == set(GROUPS)
    assert faults(*objects) == []


def test_a_field_that_no_operator_knows_is_found() -> None:
    [cluster] = [one for one in of_operators() if one["kind"] == "Cluster"]
    mistyped = {**cluster, "spec": {**cluster["spec"], "instanses": 3}}
    wrong = {**cluster, "spec": {**cluster["spec"], "instances": "three"}}

    found = faults(mistyped, wrong)

    assert len(found) == 2
    assert 'unknown field "spec.instanses"' in found[0]
    assert "instances" in found[1]
