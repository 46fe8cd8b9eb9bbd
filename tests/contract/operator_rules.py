"""Write the alerts once more, as the Prometheus operator takes them: `make generate`."""

import textwrap
from pathlib import Path

_DEPLOY = Path(__file__).parents[2] / "deploy"
ALERTS = _DEPLOY / "monitoring" / "alerts.yaml"
FILE = _DEPLOY / "kubernetes" / "components" / "prometheus-operator" / "rules.yaml"
_HEAD = """\
# Made from deploy/monitoring/alerts.yaml by `make generate`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: rollcall
spec:
"""


def text() -> str:
    """Return the file: the groups of the alerts under an object's head."""
    alerts = ALERTS.read_text(encoding="utf-8")
    return _HEAD + textwrap.indent(alerts[alerts.index("groups:") :], "  ")


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
