"""What `kubectl kustomize` would print, for as much of kustomize as we use.

kustomize itself comes neither with Debian nor from PyPI, and the check is to need nothing else. Whatever
it could do beyond this is refused here, so that nothing is taken for checked that was not.
"""

from pathlib import Path

import yaml

KNOWN = {
    "apiVersion", "kind", "namespace", "resources", "labels", "images", "patches",
    "configMapGenerator",
}


class Refused(Exception):
    """A kustomization that cannot be rendered, and why."""


def documents(path: Path) -> list[dict]:
    """The YAML documents of a file."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def render(folder: Path) -> list[dict]:
    """All objects of a kustomization."""
    (kustomization,) = documents(folder / "kustomization.yaml")
    if unknown := set(kustomization) - KNOWN:
        raise Refused(f"{folder}: {', '.join(sorted(unknown))} is more than this renders")
    objects = []
    for name in kustomization.get("resources", []):
        resource = folder / name
        if not resource.exists():
            raise Refused(f"{folder}: there is no {name}")
        objects += render(resource.resolve()) if resource.is_dir() else documents(resource)
    objects += [config_map(folder, entry) for entry in kustomization.get("configMapGenerator", [])]
    for patch in kustomization.get("patches", []):
        apply(patch, objects, folder)
    for thing in objects:
        metadata = thing["metadata"]
        if "namespace" in kustomization and thing["kind"] != "Namespace":
            metadata["namespace"] = kustomization["namespace"]
        for labels in kustomization.get("labels", []):
            if set(labels) != {"pairs"}:
                raise Refused(f"{folder}: labels can have `pairs` only")
            metadata.setdefault("labels", {}).update(labels["pairs"])
        for image in kustomization.get("images", []):
            rename(image, thing)
    return objects


def config_map(folder: Path, entry: dict) -> dict:
    options = entry.get("options", {})
    if set(entry) != {"name", "files", "options"} or not options.get("disableNameSuffixHash"):
        raise Refused(f"{folder}: a config map is made of files, under its plain name")
    files = [folder / name for name in entry["files"]]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": entry["name"], "labels": dict(options.get("labels", {}))},
        "data": {file.name: file.read_text() for file in files},
    }


def rename(image: dict, thing: dict) -> None:
    pod = thing.get("spec", {}).get("template", {}).get("spec", {})
    for container in pod.get("containers", []):
        if container["image"].split(":")[0] == image["name"]:
            name = image.get("newName", image["name"])
            container["image"] = f"{name}:{image['newTag']}"


def apply(patch: dict, objects: list[dict], folder: Path) -> None:
    """Applies a patch of RFC 6902 to the objects that it names."""
    target = patch["target"]
    hit = [
        thing for thing in objects
        if all(target[key] == (thing if key == "kind" else thing["metadata"])[key] for key in target)
    ]
    if not hit:
        raise Refused(f"{folder}: a patch names {target}, which is not there")
    for thing in hit:
        for operation in yaml.safe_load(patch["patch"]):
            change(thing, operation, folder)


def change(thing: dict, operation: dict, folder: Path) -> None:
    *way, last = operation["path"].lstrip("/").replace("~1", "/").split("/")
    try:
        place = thing
        for key in way:
            place = place[int(key) if isinstance(place, list) else key]
        if isinstance(place, list):
            last = len(place) if last == "-" else int(last)
        there = last < len(place) if isinstance(place, list) else last in place
        match operation["op"], there:
            case "add", _ if isinstance(place, list):
                place.insert(last, operation["value"])
            case ("add", _) | ("replace", True):
                place[last] = operation["value"]
            case "remove", True:
                del place[last]
            case _:
                raise KeyError(last)
    except (KeyError, IndexError) as error:
        raise Refused(f"{folder}: {operation['op']} {operation['path']} finds no {error}") from None
