"""A key depends on what determines the artifact, on all of it, and on nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline import digest
from pipeline.errors import EdgeError
from pipeline.store import Spec, Store
from pipeline.store.manifest import determinants, key_of

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)
configs = st.dictionaries(st.text(), values, max_size=5)


def key(config: dict[str, Any], **more: Any) -> str:
    return key_of(determinants(Spec("base", lambda work: None, config, **more)))


def shuffled(value: Any, order: random.Random) -> Any:
    """The same content: dicts in another order, lists as tuples."""
    if isinstance(value, dict):
        items = list(value.items())
        order.shuffle(items)
        return {name: shuffled(item, order) for name, item in items}
    return tuple(shuffled(item, order) for item in value) if isinstance(value, list) else value


@given(configs, st.randoms())
def test_order_does_not_matter(config: dict[str, Any], order: random.Random) -> None:
    assert key(config) == key(shuffled(config, order))


@given(configs, configs)
def test_different_content_differs(one: dict[str, Any], other: dict[str, Any]) -> None:
    assume(digest.canonical(one) != digest.canonical(other))
    assert key(one) != key(other)


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), (0, False), (None, "null"), ("1", 1), ([], {})])
def test_look_alikes_differ(one: object, other: object) -> None:
    assert key({"x": one}) != key({"x": other})


@pytest.mark.parametrize("value", [Path("/tmp"), float("nan"), {1: "a"}, {1, 2}, b"x", "\ud800", {"\udfff": 1}])
def test_what_json_cannot_say_is_refused_by_name(value: object) -> None:
    with pytest.raises(EdgeError, match=r"config\.lr"):
        key({"lr": value})


def test_inputs_and_their_roles_count(store: Store) -> None:
    def artifact(n: int) -> Any:
        return store.get(Spec("base", lambda work: (work.out / "f").write_text("x") and None, {"n": n}))

    one, two = artifact(1), artifact(2)
    keys = {key({}), key({}, inputs={"base": one}), key({}, inputs={"base": two}), key({}, inputs={"data": one})}
    assert len(keys) == 4


def test_the_root_does_not_count(tmp_path: Path) -> None:
    spec = Spec("base", lambda work: None, {})
    assert Store(tmp_path / "a").key(spec) == Store(tmp_path / "b").key(spec)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Write files of a package `toy` that is importable but must never be imported."""
    monkeypatch.syspath_prepend(str(tmp_path / "code"))

    def put(name: str, text: str) -> None:
        path = tmp_path / "code" / "toy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    put("__init__.py", "raise SystemExit('executed')\n")
    put("train/__init__.py", "from toy.common import seed\n")
    put("train/lora.py", "def run():\n    from . import rank\n    from ..maths.norm import scale\n")
    put("train/rank.py", "RANK = 8\n")
    put("train/other.py", "OTHER = 1\n")
    put("train/recipe.yaml", "lr: 1\n")
    put("train/words/slots.yaml", "a: 1\n")
    put("maths/__init__.py", "from toy.shapes import square\n")
    put("shapes.py", "square = 4\n")
    put("maths/norm.py", "import toy.deep\nimport os\n")
    put("common.py", "seed = 1\n")
    put("deep.py", "from pipeline.errors import EdgeError\n")
    return put


REACHED = [
    "__init__.py", "train/__init__.py", "train/lora.py", "train/rank.py", "maths/__init__.py", "maths/norm.py",
    "shapes.py", "common.py", "deep.py", "train/recipe.yaml", "train/words/slots.yaml",
]  # fmt: skip


def test_reached_sources(write: Callable[[str, str], None]) -> None:
    assert sorted(digest.code_sources(["toy.train.lora"])) == sorted(f"toy/{name}" for name in REACHED)


@pytest.mark.parametrize("name", REACHED)
def test_a_change_of_any_reached_file_is_a_new_key(name: str, write: Callable[[str, str], None]) -> None:
    before = key({}, code=("toy.train.lora",))
    write(name, "changed = 1\n" if name.endswith(".py") else "changed: 1\n")
    assert key({}, code=("toy.train.lora",)) != before


def test_a_change_of_another_file_is_not(write: Callable[[str, str], None]) -> None:
    before = key({}, code=("toy.train.lora",))
    write("train/other.py", "OTHER = 2\n")
    assert key({}, code=("toy.train.lora",)) == before


def test_line_ends_do_not_count(write: Callable[[str, str], None]) -> None:
    before = key({}, code=("toy.common",))
    write("common.py", "seed = 1\r\n")
    assert key({}, code=("toy.common",)) == before


def test_plumbing_is_left_out() -> None:
    assert digest.code_sources(["pipeline.store", "pipeline.errors"]) == {}


@pytest.mark.parametrize("name", ["toy.absent", "absent_package", "absent_package.module"])
def test_an_unknown_module_is_named(name: str, write: Callable[[str, str], None]) -> None:
    with pytest.raises(EdgeError, match=name):
        key({}, code=(name,))


def test_a_syntax_error_is_named(write: Callable[[str, str], None]) -> None:
    write("common.py", "seed = = 1\n")
    with pytest.raises(EdgeError, match=r"common\.py.*line 1"):
        key({}, code=("toy.common",))


def test_a_library_version_counts_without_its_local_part(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"torch": "2.13.0+cpu"}
    monkeypatch.setattr(digest.metadata, "version", lambda name: installed[name])
    before = key({}, libraries=("torch",))
    installed["torch"] = "2.13.0+cu130"
    assert key({}, libraries=("torch",)) == before
    installed["torch"] = "2.13.1"
    assert key({}, libraries=("torch",)) != before


def test_a_missing_library_is_named() -> None:
    with pytest.raises(EdgeError, match="no-such-distribution"):
        key({}, libraries=("no-such-distribution",))


def test_directory_digest_is_of_content(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "w").write_bytes(b"weights")
    (tmp_path / "b" / ".cache").mkdir()
    (tmp_path / "b" / ".cache" / "lock").write_text("x")
    assert digest.directory_digest(tmp_path / "a") == digest.directory_digest(tmp_path / "b")
    (tmp_path / "b" / "sub" / "w").write_bytes(b"weighty")
    assert digest.directory_digest(tmp_path / "a") != digest.directory_digest(tmp_path / "b")
