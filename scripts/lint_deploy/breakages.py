"""Faults that the checks must find. Each is put into a copy of the checkout, alone."""

import shutil
import tempfile
from pathlib import Path
from typing import Iterator

from . import check
from .schemas import Schemas

READ = (
    "deploy", "docker", "docker-compose.yml", "docs/operations.md", "gateway/src/drain.rs", "README.md",
)
BASE = "deploy/kubernetes/base"
PRODUCTION = "deploy/kubernetes/overlays/production"

# File, what stands there, what stands there instead, part of what is said of it.
BREAKAGES = [
    (f"{BASE}/gateway.yaml", "maxUnavailable: 0", "maxUnavailable: 1", "before the next is ready"),
    (f"{BASE}/gateway.yaml", "containerPort: 8080", "containerPort: eighty", "is not of type"),
    (f"{BASE}/gateway.yaml", "failureThreshold: 60", "failureTreshold: 60", "failureTreshold"),
    (f"{BASE}/gateway.yaml", "key: uri", "key: url", "nobody makes a secret postgres-app"),
    (f"{BASE}/gateway.yaml", "targetPort: http", "targetPort: htttp", "has no port htttp"),
    (f"{BASE}/gateway.yaml", "GracePeriodSeconds: 45", "GracePeriodSeconds: 30",
     "is killed before"),
    (f"{BASE}/gateway.yaml", "  minReplicas: 2\n", "  minReplica: 2\n", "minReplica"),
    (f"{BASE}/gateway.yaml", "ROLLCALL__GATEWAY__LISTEN", "ROLLCALL__GATEWAY__LISEN", "no setting"),
    (f"{BASE}/lead-service.yaml", "runAsNonRoot: true", "runAsNonRoot: false", "may run as root"),
    (f"{BASE}/lead-service.yaml", "      port: admin\n", "      port: http\n", "no startupProbe"),
    (f"{BASE}/lead-service.yaml", "kind: PodDisruptionBudget", "kind: PodDisruptionBudgets", "a kind that"),
    (f"{BASE}/campaign-service.yaml", "@rabbitmq:5672", "@broker:5672", "names no broker"),
    (f"{BASE}/campaign-service.yaml", "memory: 1Gi", "cpus: 1Gi", "no limits of CPU and memory"),
    (f"{BASE}/scaling.yaml", "queueName: leads.resolved.bulk", "queueName: leads.bulk", "scales on"),
    (f"{BASE}/scaling.yaml", "rabbitmq.rollcall.svc", "rabbitmq.default.svc", "no broker of ours"),
    (f"{BASE}/scaling.yaml", "maxReplicaCount: 6", "maxReplicas: 6", "maxReplicaCount is missing"),
    (f"{BASE}/rabbitmq-users.yaml", "write: ^leads$", "write: .*", "definitions.json permits"),
    (f"{BASE}/rabbitmq-users.yaml", "kind: User\nmetadata:\n  name: keda",
     "kind: User\nmetadata:\n  name: kedda", "there is no User keda"),
    (f"{BASE}/postgres.yaml", "walStorage:", "walStorages:", "walStorages is no field"),
    (f"{BASE}/network.yaml", "cnpg.io/cluster: postgres", "cnpg.io/cluster: postgre", "no pods like"),
    (f"{BASE}/network.yaml", "port: 15692", "port: 15693", "has no port 15693"),
    (f"{PRODUCTION}/kustomization.yaml", "path: /spec/storage/size", "path: /spec/storages/size", "finds no"),
    (f"{PRODUCTION}/kustomization.yaml", "newTag: 0.1.0", "newTag: latest", "no tag that stays"),
    (f"{PRODUCTION}/kustomization.yaml", "- ingress.yaml", "- ingres.yaml", "there is no ingres.yaml"),
    (f"{PRODUCTION}/kustomization.yaml", "images:", "replicas: []\nimages:", "more than this renders"),
    (f"{PRODUCTION}/ingress.yaml", "secretName: rollcall-tls", "secretName: tls", "nobody makes the secret"),
    (f"{PRODUCTION}/backup.yaml", "key: ACCESS_KEY_ID", "key: ACCESS_KEY", "nobody makes a secret"),
    ("deploy/kubernetes/monitoring/scraping.yaml", "- port: admin", "- port: metrics", "has no port metrics"),
    ("deploy/kubernetes/monitoring/alerts.yaml", "> 0.01", "> 0.1", "is not made from"),
    ("docker/prometheus/alerts.yml", "#rabbitmqdiskalarm", "#rabbitmqdisk", "another runbook"),
    ("docker/prometheus/alerts.yml", "rollcall_bus_up", "rollcall_bus_is_up", "does not list the metric"),
    ("docker/prometheus/prometheus.yml", "[gateway:8083]", "[gate:8083]", "has no gate:8083"),
    ("docker/grafana/dashboards/rollcall.json", '"w": 24, "h": 1', '"w": 24, "h": 2', "lies on another"),
    ("docs/operations.md", "### RollcallDeadLetters", "### RollcallDeadLetter", "there is no alert"),
]


def missed(root: Path, schemas: Schemas) -> Iterator[str]:
    """The faults that nobody found."""
    for file, right, wrong, told in BREAKAGES:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder)
            for name in READ:
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                (shutil.copytree if (root / name).is_dir() else shutil.copy)(root / name, copy / name)
            text = (copy / file).read_text()
            if right not in text:
                yield f"breakages.py: {file} has no {right!r} to break"
                continue
            (copy / file).write_text(text.replace(right, wrong, 1))
            found = list(check.problems(copy, schemas))
            if not any(told in problem for problem in found):
                yield f"not found: {wrong!r} in {file}; found was {found}"
