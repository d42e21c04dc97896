"""All checks on one checkout."""

from pathlib import Path
from typing import Iterator

from . import kustomize, monitoring, references, settings, workloads
from .cluster import Cluster
from .schemas import Schemas

PRODUCTION = "deploy/kubernetes/overlays/production"


def problems(root: Path, schemas: Schemas) -> Iterator[str]:
    """What is wrong with the manifests below `root`, and with what they share with compose."""
    try:
        objects = kustomize.render(root / PRODUCTION)
    except kustomize.Refused as refused:
        yield str(refused)
        return
    misshapen = [
        f"{thing['kind']} {thing['metadata']['name']}: {problem}"
        for thing in objects for problem in schemas.problems(thing)
    ]
    if misshapen:
        # What follows relies on the fields.
        yield from misshapen
        return
    identities = [(thing["kind"], thing["metadata"]["name"]) for thing in objects]
    for kind, name in sorted({twice for twice in identities if identities.count(twice) > 1}):
        yield f"{kind} {name}: stands there twice"
    cluster = Cluster(root, objects)
    for subject in (references, workloads, settings, monitoring):
        yield from subject.problems(cluster)
