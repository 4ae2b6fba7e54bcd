"""What docs/client.md says runs as it stands."""

from __future__ import annotations

import runpy

from pipeline.client.settings import Settings, read_settings
from pipeline.edge.cloud_stand_in import answer_to
from tests import tutorial


def test_the_pages_files(tmp_path, monkeypatch, capsys, local):
    for name, content in tutorial.files("client.md").items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGE_CLIENT_LOCAL_URL", local.url)
    runpy.run_path("talk.py")
    assert capsys.readouterr().out == f"local {answer_to('今天天气怎么样')}\nlocal {answer_to('现在几点了')}\n"
    assert set(read_settings(tmp_path / "client.yaml").model_dump(exclude_unset=True)) == set(Settings.model_fields)
