"""Whether alerts, dashboard and docs/operations.md speak of the same things."""

import json
import re
from pathlib import Path
from typing import Iterator

import yaml

from .cluster import Cluster

ALERTS = "docker/prometheus/alerts.yml"
TESTS = "docker/prometheus/alerts.test.yml"
RULE = "deploy/kubernetes/monitoring/alerts.yaml"
DASHBOARD = "docker/grafana/dashboards/rollcall.json"
HANDBOOK = "docs/operations.md"

HEAD = """\
# Made from docker/prometheus/alerts.yml by `scripts/lint-deploy.sh write`.
"""


def problems(cluster: Cluster) -> Iterator[str]:
    root = cluster.root
    groups = yaml.safe_load((root / ALERTS).read_text())["groups"]
    alerts = [rule for group in groups for rule in group["rules"]]
    handbook = (root / HANDBOOK).read_text()
    tests = (root / TESTS).read_text()
    yield from of_alerts(alerts, handbook, tests)
    if [thing["spec"]["groups"] for thing in cluster.of("PrometheusRule")] != [groups]:
        yield f"{RULE} is not made from {ALERTS}: run scripts/lint-deploy.sh write"
    panels = json.loads((root / DASHBOARD).read_text())["panels"]
    yield from of_panels(panels)
    yield from of_scraping(root)
    for expression in [alert["expr"] for alert in alerts] + expressions(panels):
        for metric in set(re.findall(r"\brollcall_\w+", expression)):
            metric = re.sub(r"_(bucket|sum|count)$", "", metric)
            if f"`{metric}`" not in handbook and f"`{metric}{{" not in handbook:
                yield f"{HANDBOOK} does not list the metric {metric}"


def of_alerts(alerts: list[dict], handbook: str, tests: str) -> Iterator[str]:
    runbooks = set(re.findall(r"^### (R\w+|Postgres\w+)$", handbook, re.MULTILINE))
    for alert in alerts:
        name, annotations = alert["alert"], alert["annotations"]
        if annotations.get("runbook") != f"{HANDBOOK}#{name.lower()}" or "summary" not in annotations:
            yield f"alert {name}: no summary, or another runbook than its own"
        if alert["labels"].get("severity") not in ("page", "ticket"):
            yield f"alert {name}: is it for now or for tomorrow?"
        if name not in runbooks:
            yield f"alert {name}: {HANDBOOK} does not say what to do"
        if tests.count(f'alertname="{name}"') < 2:
            yield f"alert {name}: {TESTS} does not show when it fires and when not"
    for name in runbooks - {alert["alert"] for alert in alerts}:
        yield f"{HANDBOOK}: there is no alert {name}"


def of_panels(panels: list[dict]) -> Iterator[str]:
    taken = {}
    for panel in panels:
        title, place = panel["title"], panel["gridPos"]
        if panel["type"] != "row" and not panel.get("targets"):
            yield f"panel {title}: shows nothing"
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                if x >= 24 or taken.setdefault((x, y), panel["id"]) != panel["id"]:
                    yield f"panel {title}: lies on another, or beyond the edge"
                    break
    if len({panel["id"] for panel in panels}) < len(panels):
        yield "two panels have one id"


def of_scraping(root: Path) -> Iterator[str]:
    """Prometheus in compose asks for services that are there."""
    services = yaml.safe_load((root / "docker-compose.yml").read_text())["services"]
    config = yaml.safe_load((root / "docker/prometheus/prometheus.yml").read_text())
    for job in config["scrape_configs"]:
        for target in job["static_configs"][0]["targets"]:
            if target.split(":")[0] not in services:
                yield f"prometheus.yml: docker-compose.yml has no {target}"


def expressions(panels: list[dict]) -> list[str]:
    """What the dashboard asks for, with Grafana's variables filled in."""
    asked = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    return [ask.replace("$__rate_interval", "5m").replace("$route", ".*") for ask in asked]


def write_rule(root: Path) -> None:
    """Makes the alerts of Kubernetes from those of compose, text for text."""
    text = (root / ALERTS).read_text()
    head = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "rollcall"},
    }
    groups = text[text.index("groups:"):]
    indented = "".join(f"  {line}" if line.strip() else line for line in groups.splitlines(True))
    made = HEAD + yaml.safe_dump(head, sort_keys=False) + "spec:\n" + indented
    (root / RULE).write_text(made)


def write_queries(root: Path, file: Path) -> None:
    """The dashboard's queries as rules, for promtool to parse."""
    panels = json.loads((root / DASHBOARD).read_text())["panels"]
    rules = [
        {"record": f"query:{index}", "expr": ask}
        for index, ask in enumerate(expressions(panels))
    ]
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
