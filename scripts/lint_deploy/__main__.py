"""`python3 -m lint_deploy QUERIES SCHEMAS...`, or `... write`; scripts/lint-deploy.sh calls it.

SCHEMAS are folders, one for each version of Kubernetes. QUERIES is a file to write."""

import sys
from pathlib import Path

from . import breakages, check, monitoring
from .schemas import Schemas

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    if arguments == ["write"]:
        monitoring.write_rule(ROOT)
        return 0
    queries, *folders = map(Path, arguments)
    schemas = Schemas(folders)
    found = list(check.problems(ROOT, schemas))
    if not found:
        # On a checkout with faults of its own this would say nothing.
        found = list(breakages.missed(ROOT, schemas))
    for problem in found:
        print(problem, file=sys.stderr)
    monitoring.write_queries(ROOT, queries)
    return 1 if found else 0


sys.exit(main(sys.argv[1:]))
