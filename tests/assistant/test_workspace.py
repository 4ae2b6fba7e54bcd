"""The workspace: the documented layout, nothing foreign touched, a model deployed whole or not at all."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from pipeline.cli import main
from pipeline.edge.assistant.cards import Cards
from pipeline.edge.assistant.deploying import deploy
from pipeline.edge.assistant.opened import open_assistant
from pipeline.edge.assistant.workspace import FOLDERS, Workspace, init
from pipeline.errors import EdgeError
from tests.assistant.tasks_model import build


def everything(root):
    return {path.relative_to(root): path.read_bytes() if path.is_file() else None for path in root.rglob("*")}


@pytest.fixture
def workspace(tmp_path):
    init(tmp_path / "me")
    return Workspace.open(tmp_path / "me")


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    return build(tmp_path_factory.mktemp("tasks"))


def test_the_documented_layout(tmp_path):
    made = init(tmp_path / "new" / "me")
    assert set(made) == {"assistant.yaml", "cards.yaml", *(f"{name}/" for name in ("data", "checkpoints", "adapters", "logs", "deployed"))}
    assert {path.name for path in (tmp_path / "new" / "me").iterdir() if path.is_dir()} == set(FOLDERS)
    assert len(Cards.read(Workspace.open(tmp_path / "new" / "me").cards).cards) >= 2


def test_twice_changes_nothing(workspace):
    (workspace.root / "cards.yaml").write_text("cards: []\n")
    before = everything(workspace.root)
    assert init(workspace.root) == [] and everything(workspace.root) == before


def test_what_is_missing_is_made_again_even_after_an_interruption(workspace):
    shutil.rmtree(workspace.root / "logs")
    (workspace.root / "cards.yaml").unlink()
    assert set(init(workspace.root)) == {"cards.yaml", "logs/"}


def test_a_foreign_folder_is_left_alone(tmp_path):
    (tmp_path / "thesis.docx").write_text("mine")
    with pytest.raises(EdgeError, match="found something else in it"):
        init(tmp_path)
    with pytest.raises(EdgeError, match="expected a folder, found a file"):
        init(tmp_path / "thesis.docx")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


@pytest.mark.parametrize(("text", "word"), [
    ("thread: 2", "did you mean threads"), ("threads: 0", "threads"), ("threads: many", "threads"), ("cloud: {passages: 99}", "passages"),
    ("cloud: {key_variable: sk-secret-key}", "key_variable"), ("phrasing_ms: .inf", "phrasing_ms"),
    ("cloud: {url: 'https://cloud.example/v1'}", "cloud.model"), ("cloud: {url: 'https://cloud.example/v1', model: ' '}", "cloud.model"),
    ("", "mapping"), ("cards: ''", "cards")])
def test_a_mistake_in_the_settings_is_one_line(workspace, capsys, text, word):
    (workspace.root / "assistant.yaml").write_text(text)
    assert main(["assistant", "--workspace", str(workspace.root), "ask", "你好"]) == 2
    line, = capsys.readouterr().err.splitlines()
    assert "assistant.yaml" in line and word in line


def test_no_workspace_and_no_model_say_what_to_run(tmp_path, workspace, capsys):
    assert main(["assistant", "--workspace", str(tmp_path), "ask", "你好"]) == 2 and "edge init" in capsys.readouterr().err
    assert main(["assistant", "ask", "你好", "--workspace", str(workspace.root)]) == 2
    assert "edge assistant deploy" in capsys.readouterr().err


def test_a_mistake_in_the_cloud_s_url_names_the_setting(workspace, parts, capsys):
    deploy(workspace, *parts)
    (workspace.root / "assistant.yaml").write_text("cloud: {url: 'ftp://cloud.example', model: m}")
    assert main(["assistant", "ask", "你好", "--workspace", str(workspace.root)]) == 2
    line, = capsys.readouterr().err.splitlines()
    assert "assistant.yaml: cloud.url: expected a base URL" in line and "--cloud" not in line


def test_a_deployed_model_answers(workspace, parts):
    deploy(workspace, *parts)
    with open_assistant(workspace) as assistant:
        assert assistant.answer("场强的单位是什么").task == "simple_qa"
    assert sorted(path.name for path in (workspace.root / "deployed").iterdir()) == ["decision", "model"]


@pytest.mark.parametrize("generator", ["none", "empty", "a classifier"])
def test_a_generator_that_does_not_open_is_noted_and_templates_answer(workspace, parts, monkeypatch, capsys, generator):
    deploy(workspace, *parts)
    if generator == "empty":
        workspace.deployed("generator").mkdir()
    elif generator == "a classifier":
        shutil.copytree(parts[0], workspace.deployed("generator"))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with open_assistant(workspace) as assistant:
        assert "伏特每米" in assistant.answer("场强的单位是什么").reply.text
    assert ("templates answer" in capsys.readouterr().err) is (generator != "none")


def edited(directory, target, file, **fields):
    copied = shutil.copytree(directory, target)
    (copied / file).write_text(json.dumps({**json.loads((copied / file).read_text()), **fields}))
    return copied


def test_what_does_not_belong_is_not_deployed(workspace, parts, tmp_path):
    deploy(workspace, *parts)
    before = everything(workspace.root / "deployed")
    broken = shutil.copytree(parts[0], tmp_path / "broken")
    (broken / "model.onnx").write_bytes(b"no model")
    intents = json.loads((parts[1] / "decision.json").read_text())["intents"]
    other_tasks = edited(parts[1], tmp_path / "tasks", "decision.json", intents=[{**intents[0], "name": "weather"}, *intents[1:]])
    other_labels = edited(parts[0], tmp_path / "labels", "runtime.json", label_ids=[1, 2, 3, 4])
    for model, rule, generator, word in (
            (parts[0], other_tasks, None, "tasks course_resource"), (other_labels, parts[1], None, "label ids"),
            (broken, parts[1], None, "readable ONNX"), (tmp_path / "nowhere", parts[1], None, "nowhere"), (*parts, parts[0], "generator")):
        with pytest.raises((EdgeError, OSError), match=word):
            deploy(workspace, model, rule, generator)
        assert everything(workspace.root / "deployed") == before
