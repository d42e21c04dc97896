"""Whether each object has the fields that its kind has, and no others."""

import json
from pathlib import Path
from typing import Iterator

import jsonschema
import yaml

TYPES = {"text": str, "number": int, "flag": bool}


def refuse(address: str):
    raise LookupError(f"{address} is not among the schemas")


NO_NETWORK = {"http": refuse, "https": refuse}


class Schemas:
    """Those of some versions of Kubernetes, and `shapes.yaml`."""

    def __init__(self, versions: list[Path]):
        # The strict form knows no other fields.
        self.folders = [version.with_name(f"{version.name}-local-strict") for version in versions]
        self.shapes = yaml.safe_load((Path(__file__).parent / "shapes.yaml").read_text())
        self.validators: dict = {}

    def problems(self, thing: dict) -> Iterator[str]:
        kind = thing["kind"]
        if kind in self.shapes:
            yield from misfits(self.shapes[kind], thing.get("spec"), "spec")
            return
        for folder in self.folders:
            file = folder / self.file_name(thing)
            if not file.exists():
                yield f"a kind that neither shapes.yaml nor {folder.name} knows"
                continue
            for error in self.validator(file).iter_errors(thing):
                place = ".".join(map(str, error.absolute_path))
                yield f"{place}: {error.message[:200]} ({folder.name})"

    def file_name(self, thing: dict) -> str:
        """`apps/v1` Deployment: deployment-apps-v1.json; `networking.k8s.io/v1`: ...-networking-v1."""
        group, _, version = thing["apiVersion"].rpartition("/")
        names = [thing["kind"].lower(), group.split(".")[0], version]
        return "-".join(filter(None, names)) + ".json"

    def validator(self, file: Path):
        if file not in self.validators:
            schema = json.loads(file.read_text())
            shared = file.with_name("_definitions.json")
            if shared not in self.validators:
                self.validators[shared] = json.loads(shared.read_text())
            definitions = self.validators[shared]
            # Common parts go by an address, which nobody is to be asked for.
            store = {definitions["$id"]: definitions}
            resolver = jsonschema.RefResolver(schema["$id"], schema, store, handlers=NO_NETWORK)
            self.validators[file] = jsonschema.Draft202012Validator(schema, resolver=resolver)
        return self.validators[file]


def misfits(shape, value, place: str) -> Iterator[str]:
    if shape == "any":
        return
    if isinstance(shape, str):
        # To Python a bool is an int, too.
        if not isinstance(value, TYPES[shape]) or (shape == "number" and isinstance(value, bool)):
            yield f"{place} is no {shape}"
    elif isinstance(shape, list):
        if not isinstance(value, list) or not value:
            yield f"{place} is no list, or empty"
            return
        for index, item in enumerate(value):
            yield from misfits(shape[0], item, f"{place}.{index}")
    elif not isinstance(value, dict):
        yield f"{place} has no fields"
    else:
        fields = {name.rstrip("!"): (name.endswith("!"), inner) for name, inner in shape.items()}
        for name in value.keys() - fields.keys():
            yield f"{place}.{name} is no field that we know"
        for name, (needed, inner) in fields.items():
            if name in value:
                yield from misfits(inner, value[name], f"{place}.{name}")
            elif needed:
                yield f"{place}.{name} is missing"
