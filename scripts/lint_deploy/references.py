"""Whether what an object names is there: pods, ports, secrets, other objects."""

from typing import Iterator

from .cluster import Cluster


def problems(cluster: Cluster) -> Iterator[str]:
    for check in (selectors, services, ingresses, policies, monitors, secrets, operators):
        for where, problem in check(cluster):
            yield f"{where}: {problem}"


def label(thing: dict) -> str:
    return f"{thing['kind']} {thing['metadata']['name']}"


def selectors(cluster: Cluster):
    for thing in cluster.of("Deployment"):
        wanted = thing["spec"]["selector"]["matchLabels"]
        if not wanted.items() <= thing["spec"]["template"]["metadata"]["labels"].items():
            yield label(thing), "its pods do not match its selector"
    for thing in cluster.of("PodDisruptionBudget"):
        if len(cluster.selected(thing["spec"]["selector"])) != 1:
            yield label(thing), "does not select the pods of one workload"


def services(cluster: Cluster):
    for thing in cluster.of("Service"):
        pods = cluster.selected({"matchLabels": thing["spec"]["selector"]})
        if not pods:
            yield label(thing), "selects no pods"
        for port in thing["spec"]["ports"]:
            for which in pods:
                if port["targetPort"] not in which.ports:
                    yield label(thing), f"{which.name} has no port {port['targetPort']}"


def ingresses(cluster: Cluster):
    ports = {
        (thing["metadata"]["name"], port["name"])
        for thing in cluster.of("Service") for port in thing["spec"]["ports"]
    }
    for thing in cluster.of("Ingress"):
        for rule in thing["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                if (service["name"], service["port"]["name"]) not in ports:
                    yield label(thing), f"there is no port like {service}"
        for tls in thing["spec"]["tls"]:
            if tls["secretName"] not in cluster.secrets:
                yield label(thing), f"nobody makes the secret {tls['secretName']}"


def policies(cluster: Cluster):
    guarded = set()
    for thing in cluster.of("NetworkPolicy"):
        spec = thing["spec"]
        pods = cluster.selected(spec["podSelector"])
        if not pods:
            yield label(thing), "selects no pods"
        if spec["podSelector"]:
            guarded |= {which.name for which in pods}
        for rule in spec.get("ingress", []):
            for which in pods:
                yield from closed(thing, rule, which)
            yield from strangers(cluster, thing, rule.get("from", []))
        for rule in spec.get("egress", []):
            yield from strangers(cluster, thing, rule.get("to", []))
            for peer in rule.get("to", []):
                if "namespaceSelector" not in peer:
                    for which in cluster.selected(peer["podSelector"]):
                        yield from closed(thing, rule, which)
    for which in cluster.pods:
        if which.name not in guarded:
            yield which.name, "no network policy of its own says who may talk to it"


def closed(thing: dict, rule: dict, which):
    for port in rule["ports"]:
        if port["port"] not in which.ports and port["port"] not in which.ports.values():
            yield label(thing), f"{which.name} has no port {port['port']}"


def strangers(cluster: Cluster, thing: dict, peers: list[dict]):
    for peer in peers:
        if "namespaceSelector" not in peer and not cluster.selected(peer["podSelector"]):
            yield label(thing), f"there are no pods like {peer['podSelector']}"


def monitors(cluster: Cluster):
    for thing in cluster.of("PodMonitor"):
        pods = cluster.selected(thing["spec"]["selector"])
        if not pods:
            yield label(thing), "selects no pods"
        for endpoint in thing["spec"]["podMetricsEndpoints"]:
            for which in pods:
                if endpoint["port"] not in which.ports:
                    yield label(thing), f"{which.name} has no port {endpoint['port']}"


def secrets(cluster: Cluster):
    wanted = []
    for workload, container in cluster.containers():
        for variable in container["env"]:
            if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
                wanted.append((f"Deployment {workload}", reference))
    for thing in cluster.of("TriggerAuthentication"):
        wanted += [(label(thing), reference) for reference in thing["spec"]["secretTargetRef"]]
    for thing in cluster.of("ObjectStore"):
        wanted += [
            (label(thing), reference)
            for reference in thing["spec"]["configuration"]["s3Credentials"].values()
        ]
    for where, reference in wanted:
        if reference["key"] not in cluster.secrets.get(reference["name"], set()):
            yield where, f"nobody makes a secret {reference['name']} with {reference['key']}"


def operators(cluster: Cluster):
    """What the objects for operators name."""
    wanted = []
    for thing in cluster.of("User", "Permission", "TopicPermission"):
        wanted.append((thing, "RabbitmqCluster", thing["spec"]["rabbitmqClusterReference"]["name"]))
        if user := thing["spec"].get("userReference"):
            wanted.append((thing, "User", user["name"]))
    for thing in cluster.of("ScheduledBackup"):
        wanted.append((thing, "Cluster", thing["spec"]["cluster"]["name"]))
    for thing in cluster.of("Cluster"):
        for plugin in thing["spec"].get("plugins", []):
            wanted.append((thing, "ObjectStore", plugin["parameters"]["barmanObjectName"]))
    for thing in cluster.of("ScaledObject"):
        for trigger in thing["spec"]["triggers"]:
            if reference := trigger.get("authenticationRef"):
                wanted.append((thing, "TriggerAuthentication", reference["name"]))
    for thing, kind, name in wanted:
        if not cluster.has(kind, name):
            yield label(thing), f"there is no {kind} {name}"
