"""Whether every setting exists: a process refuses to start with one that it does not know."""

import json
import re
from typing import Iterator

import yaml

from .cluster import Cluster


def problems(cluster: Cluster) -> Iterator[str]:
    readme = (cluster.root / "README.md").read_text()
    used = [
        (f"Deployment {name}", variable["name"], variable.get("value", ""))
        for name, container in cluster.containers() for variable in container["env"]
    ]
    compose = yaml.safe_load((cluster.root / "docker-compose.yml").read_text())
    for name, service in compose["services"].items():
        for variable in service.get("environment", {}):
            used.append((f"docker-compose.yml, {name}", variable, ""))
    for where, variable, value in used:
        if variable.startswith("ROLLCALL__") and f"`{variable}`" not in readme:
            yield f"{where}: README.md knows no setting {variable}"
        if variable == "AMQP_URL" and value:
            host = re.search(r"@([^:/]+):5672/", value)
            if not host or not cluster.has("RabbitmqCluster", host[1]):
                yield f"{where}: {variable} names no broker of ours"
    yield from broker(cluster)


def broker(cluster: Cluster) -> Iterator[str]:
    """Users and queues are those of docker/rabbitmq/definitions.json."""
    definitions = json.loads((cluster.root / "docker/rabbitmq/definitions.json").read_text())
    for kind, section in (("Permission", "permissions"), ("TopicPermission", "topic_permissions")):
        ours = {
            thing["spec"]["userReference"]["name"]: thing["spec"]["permissions"]
            for thing in cluster.of(kind)
        }
        for theirs in definitions[section]:
            user = theirs["user"]
            wanted = {key: theirs[key] for key in theirs.keys() - {"user", "vhost"}}
            if user != "admin" and ours.get(user) != wanted:
                yield f"{kind} {user}: not what docker/rabbitmq/definitions.json permits"
    queues = {queue["name"] for queue in definitions["queues"]}
    for service, stage in (("lead-service", "leads.submitted"), ("campaign-service", "leads.resolved")):
        wanted = {queue for queue in queues if queue == stage or queue.startswith(f"{stage}.")}
        watched = set()
        for thing in cluster.of("ScaledObject"):
            for trigger in thing["spec"]["triggers"]:
                if thing["metadata"]["name"] == service and trigger["type"] == "rabbitmq":
                    watched.add(trigger["metadata"]["queueName"])
                    yield from address(cluster, thing, trigger["metadata"]["host"])
        if watched != wanted:
            yield f"ScaledObject {service}: scales on {sorted(watched)}, not on {sorted(wanted)}"


def address(cluster: Cluster, thing: dict, host: str) -> Iterator[str]:
    namespace = thing["metadata"]["namespace"]
    known = [
        f"http://{broker['metadata']['name']}.{namespace}.svc:15672/"
        for broker in cluster.of("RabbitmqCluster")
    ]
    if host not in known:
        yield f"ScaledObject {thing['metadata']['name']}: {host} is no broker of ours"
