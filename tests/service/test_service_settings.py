"""The environment, and the table in docs/service.md that describes it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.errors import EdgeError
from pipeline.service.engine import prepare
from pipeline.service.settings import Settings, read_settings, variable
from tests.tutorial import DOCS


def test_the_environment_is_read_and_what_is_given_comes_first(tmp_path: Path) -> None:
    said = {"MAX_COMPRESSION_JOBS": "5", "EDGE_API_PORT": "9", "EDGE_API_MODEL_ROOTS": f"{tmp_path}:{tmp_path}",
            "EDGE_STORE": str(tmp_path), "EDGE_API_HUB": "1", "EDGE_API_HOST": ""}
    found = read_settings(said, port=7, host=None)
    assert (found.jobs, found.port, found.hub, found.host, found.store) == (5, 7, True, "127.0.0.1", tmp_path)
    assert found.model_roots == (tmp_path.resolve(),) * 2 and found.database == f"sqlite:///{found.state.absolute()}/jobs.db"


@pytest.mark.parametrize(("name", "value", "says"), [
    ("MAX_COMPRESSION_JOBS", "0", "greater than or equal to 1"), ("MAX_COMPRESSION_JOBS", "many", "valid integer"),
    ("EDGE_API_PORT", "65536", "less than 65536"), ("EDGE_API_RATE", "nan", "greater than 0"), ("EDGE_API_HUB", "perhaps", "valid boolean"),
    ("EDGE_API_MODEL_ROOTS", "/no/such", "expected folders, found /no/such, which is none"),
    ("EDGE_API_DATABASE_URL", "mysql://u:geheim@h/d", "expected sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME")])
def test_a_wrong_variable_is_named_and_its_value_is_not(name: str, value: str, says: str) -> None:
    with pytest.raises(EdgeError, match=re.escape(says)) as raised:
        read_settings({name: value})
    assert str(raised.value).startswith(f"${name}: ") and "geheim" not in str(raised.value)


def test_a_database_that_cannot_be_reached_is_one_line_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match=r"^\$EDGE_API_DATABASE_URL: expected a database, found .*; start it or set it anew$") as raised:
        prepare(Settings(state=tmp_path, database_url="postgresql://me:geheim@127.0.0.1:9/none"))
    assert "geheim" not in str(raised.value)


def test_the_table_of_the_docs_is_these_settings() -> None:
    page = (DOCS / "service.md").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        shown = "" if field.default_factory or field.default in ("", (), None, False) else f"{field.default}"
        described = str(field.description).partition(" [")
        default = described[2].removesuffix("]") or shown or ("off" if field.default is False else "")
        assert f"| `{variable(name)}` | {default} | {described[0]} |" in page, f"| `{variable(name)}` | {default} | {described[0]} |"
