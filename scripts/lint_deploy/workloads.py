"""What every one of our deployments must have, to be upgraded and disturbed without a gap."""

import re
from typing import Iterator

from .cluster import Cluster

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def problems(cluster: Cluster) -> Iterator[str]:
    budgets = [thing["spec"]["selector"]["matchLabels"] for thing in cluster.of("PodDisruptionBudget")]
    scalers = [
        thing["spec"]["scaleTargetRef"]["name"]
        for thing in cluster.of("HorizontalPodAutoscaler", "ScaledObject")
    ]
    for thing in cluster.of("Deployment"):
        name, spec = thing["metadata"]["name"], thing["spec"]
        pod = spec["template"]["spec"]
        if spec["strategy"].get("rollingUpdate", {}).get("maxUnavailable") != 0:
            yield f"{name}: an upgrade may take a replica away before the next is ready"
        if not any(labels.items() <= spec["selector"]["matchLabels"].items() for labels in budgets):
            yield f"{name}: no disruption budget"
        if scalers.count(name) != 1 or "replicas" in spec:
            yield f"{name}: not exactly one says how many replicas there are"
        if not pod.get("securityContext", {}).get("runAsNonRoot"):
            yield f"{name}: may run as root"
        if pod.get("automountServiceAccountToken") is not False:
            yield f"{name}: holds a token for the cluster's API"
        if not pod.get("topologySpreadConstraints"):
            yield f"{name}: all replicas may run on one node"
        for container in pod["containers"]:
            yield from of_container(name, container)
        yield from patience(cluster, name, pod)
    for target in scalers:
        if not cluster.has("Deployment", target):
            yield f"there is no {target} to scale"


def of_container(name: str, container: dict) -> Iterator[str]:
    ports = {port["name"] for port in container["ports"]}
    for probe in PROBES:
        if container.get(probe, {}).get("httpGet", {}).get("port") not in ports:
            yield f"{name}: no {probe}, or on a port that is none"
    for side in ("requests", "limits"):
        if not {"cpu", "memory"} <= set(container.get("resources", {}).get(side, {})):
            yield f"{name}: no {side} of CPU and memory"
    security = container.get("securityContext", {})
    if not security.get("readOnlyRootFilesystem") or security.get("allowPrivilegeEscalation") is not False:
        yield f"{name}: may do more than it needs"
    if container["image"].endswith(":latest") or ":" not in container["image"]:
        yield f"{name}: its image has no tag that stays"


def patience(cluster: Cluster, name: str, pod: dict) -> Iterator[str]:
    """Requests under way must be over before the process is killed."""
    if name != "gateway":
        return
    source = (cluster.root / "gateway/src/drain.rs").read_text()
    drain = int(re.search(r"PATIENCE: Duration = Duration::from_secs\((\d+)\)", source)[1])
    pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    if pod["terminationGracePeriodSeconds"] < pause + drain + 10:
        yield f"{name}: is killed before its requests have their {drain} s (gateway/src/drain.rs)"
