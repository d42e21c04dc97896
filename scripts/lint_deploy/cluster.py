"""What will be in the cluster: our objects, and what operators make of them."""

from dataclasses import dataclass, field

from pathlib import Path

# Made by hand before the first start; docs/operations.md says how.
BY_HAND = {
    "rollcall-tls": {"tls.crt", "tls.key"},
    "backup-object-store": {"ACCESS_KEY_ID", "ACCESS_SECRET_KEY"},
}
CREDENTIALS = {"username", "password"}


@dataclass
class Pods:
    """The pods of one workload."""

    name: str
    labels: dict
    # By name; unnamed ones by their number alone.
    ports: dict = field(default_factory=dict)


class Cluster:
    def __init__(self, root: Path, objects: list[dict]):
        self.root = root
        self.objects = objects
        self.pods = [pods for thing in objects if (pods := pods_of(thing))]
        self.secrets = dict(BY_HAND)
        for thing in self.of("Cluster"):
            self.secrets[f"{thing['metadata']['name']}-app"] = CREDENTIALS | {"uri"}
        for thing in self.of("User"):
            self.secrets[f"{thing['metadata']['name']}-user-credentials"] = CREDENTIALS

    def of(self, *kinds: str) -> list[dict]:
        return [thing for thing in self.objects if thing["kind"] in kinds]

    def has(self, kind: str, name: str) -> bool:
        return any(thing["metadata"]["name"] == name for thing in self.of(kind))

    def selected(self, selector: dict) -> list[Pods]:
        return [pods for pods in self.pods if selects(selector, pods.labels)]

    def containers(self):
        """Each container with the name of its workload."""
        for thing in self.of("Deployment"):
            for container in thing["spec"]["template"]["spec"]["containers"]:
                yield thing["metadata"]["name"], container


def pods_of(thing: dict) -> Pods | None:
    """The ports of the operators' pods, from their documentation."""
    name = thing["metadata"]["name"]
    match thing["kind"]:
        case "Deployment":
            template = thing["spec"]["template"]
            ports = [port for box in template["spec"]["containers"] for port in box["ports"]]
            ports = {port["name"]: port["containerPort"] for port in ports}
            return Pods(name, template["metadata"]["labels"], ports)
        case "RabbitmqCluster":
            ports = {"amqp": 5672, "management": 15672, "prometheus": 15692}
            ports |= {"epmd": 4369, "distribution": 25672}
            return Pods(name, {"app.kubernetes.io/name": name}, ports)
        case "Cluster":
            ports = {"postgresql": 5432, "status": 8000, "metrics": 9187}
            return Pods(name, {"cnpg.io/cluster": name}, ports)
    return None


def selects(selector: dict, labels: dict) -> bool:
    for expression in selector.get("matchExpressions", []):
        if expression["operator"] != "In":
            raise ValueError(f"{expression['operator']} is more than this understands")
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return selector.get("matchLabels", {}).items() <= labels.items()
