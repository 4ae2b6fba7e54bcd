"""A model's files beside the registry, at any fsspec URL, named by their content: checked byte for byte when they come back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.errors import EdgeError
from pipeline.store import Artifact
from pipeline.store import manifest as manifests
from pipeline.store.remote import Remote

PICKLES = frozenset({".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib", ".dill"})
CODE = frozenset({".py", ".pyc", ".so", ".dylib", ".dll", ".sh"})
PICKLED = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")  # what torch.save writes begins with one of these


class Content:
    """Files below an fsspec URL: what is put in twice lies there once, and each file is hashed on its way back."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/") + "/models"
        self._remote = Remote(self.url)

    def put(self, folder: Path, kind: str) -> str:
        """Copy a folder's files in; their content key.  EdgeError for an empty folder, a link, a pickle or code."""
        found = describe(folder, kind)
        self._remote.push(Artifact(found["key"], kind, folder, found))
        return found["key"]

    def files(self, key: str) -> dict[str, dict[str, Any]]:
        """{relative path: {sha256, bytes}} of what was put in."""
        return self._manifest(key)["files"]

    def source(self, key: str) -> str:
        """Where the files of a key lie, for whoever reads them without us."""
        return f"{self.url}/{key}/{self._manifest(key)['seal'][:32]}"

    def get(self, key: str, target: Path) -> None:
        """Copy the files of a key below ``target``; EdgeError where one is missing or has changed."""
        if not self._remote.pull(self._manifest(key), target):
            raise EdgeError(f"expected the files of {key[:12]} at {self.url}, found no way to read them; check the address")

    def _manifest(self, key: str) -> dict[str, Any]:
        found = self._remote.manifest(key)
        if found is None:
            raise EdgeError(f"expected the files of {key[:12]} at {self.url}, found none; check --artifacts-url, or add the model again")
        if found["files"] != found["config"].get("files"):  # of the two only `config` is part of the key
            raise EdgeError(f"{self.url}/{key}: the manifest names other files than those that were registered; refused")
        return found


def describe(folder: Path, kind: str) -> dict[str, Any]:
    """A manifest whose key is the content: which files, and what is in them."""
    if not folder.is_dir():
        raise EdgeError(f"expected a directory of model files, found none at {folder}; check the path")
    files = manifests.describe(folder)
    if not files:
        raise EdgeError(f"expected a directory of model files, found {folder} empty; build the model first")
    manifests.refuse_hostile(list(files), str(folder))
    for name in files:
        _refuse_what_runs(folder, name)
    body = {"version": manifests.VERSION, "kind": kind, "config": {"files": files}, "inputs": {}, "code": "", "libraries": {}}
    key = manifests.key_of(body)
    return manifests.parse(manifests.render({**body, "files": files, "key": key}), key, str(folder))


def _refuse_what_runs(folder: Path, name: str) -> None:
    suffix = Path(name).suffix.lower()
    with open(folder / name, "rb") as file:
        start = file.read(4)
    if suffix in PICKLES | CODE or suffix == ".bin" and start.startswith(PICKLED):
        raise EdgeError(f"expected files that only hold data (safetensors, ONNX, JSON), found {name} in {folder}, which can run code when "
                        "it is loaded; save the weights as safetensors")
