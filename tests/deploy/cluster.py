"""An installation in a real cluster: the overlay dev, made by the commands of the how-to page.

The cluster is the one that kubectl reaches; the images must be there.
"""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path("docs/how-to/deploy-on-kubernetes.md")
NAMESPACE = "rollcall"
_MUST_END_WITHIN_S = 900


def is_there() -> bool:
    """Tell whether a cluster answers."""
    if shutil.which("kubectl") is None:
        return False
    asked = ["kubectl", "get", "--raw", "/readyz", "--request-timeout=10s"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def commands() -> list[list[str]]:
    """Return the commands of the page's first block."""
    page = PAGE.read_text(encoding="utf-8")
    [block, *_] = re.findall(r"^```sh\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    return [shlex.split(line) for line in block.splitlines()]


@dataclass(frozen=True, slots=True)
class Cluster:
    """An installation made from a copy of this tree."""

    tree: Path

    @property
    def overlay(self) -> Path:
        return self.tree / "deploy" / "kubernetes" / "overlays" / "dev"

    def do(self, command: list[str], given: str = "") -> str:
        """Run a command in the copy; return what it prints. Fails with all that it said."""
        done = subprocess.run(
            command,
            cwd=self.tree,
            input=given,
            capture_output=True,
            text=True,
            timeout=_MUST_END_WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def kubectl(self, *arguments: str, given: str = "") -> str:
        return self.do(["kubectl", f"--namespace={NAMESPACE}", *arguments], given)

    def apply(self, *objects: Any) -> None:
        """Apply objects, strictly."""
        wanted = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        self.kubectl("apply", "--validate=strict", "--filename=-", given=wanted)

    def get(self, *what: str) -> dict[str, Any]:
        """Return an object, or a list of them."""
        return dict(json.loads(self.kubectl("get", *what, "--output=json")))

    def pods(self, name: str) -> list[dict[str, Any]]:
        """Return the pods of a service or job that are not on their way out."""
        found = self.get("pods", f"--selector=app.kubernetes.io/name={name}")["items"]
        return [one for one in found if "deletionTimestamp" not in one["metadata"]]

    def status(self, name: str) -> list[dict[str, Any]]:
        """Return how the containers of a service are; a new pod has none for a moment."""
        found = [one["status"].get("containerStatuses", []) for one in self.pods(name)]
        return [container for containers in found for container in containers]

    def is_ready(self, name: str) -> bool:
        """Tell whether each pod of a service is ready, and it has as many as it should."""
        wanted = self.get("deploy", name)["spec"]["replicas"]
        found = [one for one in self.status(name) if one["ready"]]
        return len(found) == len(self.pods(name)) == wanted

    def rollcall(self, *arguments: str) -> Any:
        """Run the command line in the toolbox; return its JSON."""
        toolbox = ("exec", "deploy/toolbox", "--", "rollcall")
        return json.loads(self.kubectl(*toolbox, *arguments, "--json"))

    def directory(self, name: str) -> dict[str, Any]:
        """Connect a directory; its endpoint is the one within the cluster."""
        made = self.rollcall("directories", "create", name, "--provider", "onelogin")
        _, _, path = made["endpoint"].partition("/scim/")
        return {**made, "endpoint": f"http://ingest:8080/scim/{path}"}


@contextmanager
def installed(folder: Path) -> Iterator[Cluster]:
    """Yield the installation in a namespace of its own, which is deleted at the end."""
    found = Cluster(folder)
    shutil.copytree("deploy", folder / "deploy", ignore=shutil.ignore_patterns("secrets"))
    existing = found.do(["kubectl", "get", "namespace", NAMESPACE, "--ignore-not-found"])
    assert not existing, f"there is a namespace {NAMESPACE} already: nothing of it is touched"
    *install, _ = commands()
    try:
        for command in install:
            found.do(command)
        yield found
    finally:
        found.do(["kubectl", "delete", "namespace", NAMESPACE, "--ignore-not-found"])
