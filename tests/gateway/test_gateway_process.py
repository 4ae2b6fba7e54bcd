"""The command in a process of its own, against processes that die."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import openai
import pytest

from pipeline.cli.gateway import MODES
from pipeline.edge.gateway.cloud import Cloud
from pipeline.edge.gateway.flow import Flow
from pipeline.edge.gateway.local import CUT
from pipeline.edge.router import Mode
from pipeline.measure.server import running
from tests.assistant.students import CARD, workspace
from tests.export.tiny_qwen3 import decision, fp32, merged  # noqa: F401 - fixtures
from tests.gateway.conftest import SHORT
from tests.gateway.device import TableDevice, served

COMMAND = ("-c", "from pipeline.cli import main; raise SystemExit(main())")
KEY = "sk-secret-of-the-gateway"


@pytest.fixture(scope="module")
def edge(fp32: Path, decision: Path) -> Iterator[str]:  # noqa: F811
    with running([*COMMAND, "serve", "--port", "0", "--model", str(fp32), "--decision", str(decision)]) as url:
        yield url


def gateway(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
    """The command where it is expected to refuse."""
    command = [sys.executable, *COMMAND, "gateway", *arguments]
    return subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, timeout=60)


def test_device_gateway_and_cloud_as_processes(edge, decision, stand_in):  # noqa: F811
    options = ["--edge", edge, "--decision", str(decision), "--cloud", stand_in.url, "--cloud-model", "any", "--port", "0"]
    with running([*COMMAND, "gateway", *options], variables={"EDGE_GATEWAY_KEY": KEY}) as url:
        with openai.OpenAI(base_url=url, api_key=KEY, max_retries=0) as client:
            answer = client.chat.completions.create(model="edge-cloud", messages=[{"role": "user", "content": "你好"}],
                                                    metadata={"requires_reasoning": "true"})
            assert answer.edge["reason"] == "requires_reasoning" and answer.edge["intent"] and "你好" in answer.choices[0].message.content
        with pytest.raises(openai.AuthenticationError), openai.OpenAI(base_url=url, api_key="none") as client:
            client.models.list()


def test_the_learning_assistant_beside_it(edge, decision, tmp_path):  # noqa: F811
    options = ["--edge", edge, "--decision", str(decision), "--port", "0", "--assistant"]
    assert "edge init" in gateway(*options, str(tmp_path / "none")).stderr
    me = workspace(tmp_path / "me")
    with running([*COMMAND, "gateway", *options, str(me.root)], variables={"EDGE_GATEWAY_KEY": ""}) as url:
        with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
            answer = client.chat.completions.create(model="learning-assistant", messages=[{"role": "user", "content": CARD}])
            assert answer.edge["task"] == "simple_qa" and "伏特每米" in answer.choices[0].message.content
    assert not (me.record / "study.damaged.db").exists()


def test_the_cloud_killed_in_the_middle_of_a_stream(tmp_path):
    question = "为什么" + "天是蓝的" * 2000
    process = subprocess.Popen([sys.executable, "-m", "pipeline.edge.cloud_stand_in", "--pace", "20"], stdout=subprocess.PIPE, text=True)
    cloud = Cloud(process.stdout.readline().strip(), "m", None, SHORT)
    with served(Flow(TableDevice(), cloud)) as url, openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        text, last = "", None
        for last in client.chat.completions.create(model="edge-cloud", messages=[{"role": "user", "content": question}], stream=True):
            text += last.choices[0].delta.content or ""
            if len(text) > 30:
                process.kill()
        process.wait()
        assert text.endswith(CUT) and text.startswith("【云端替身】您问的是：为什么天是蓝的")
        assert last.choices[0].finish_reason == "length" and last.edge["trouble"] == "cut"
        again = client.chat.completions.create(model="edge-cloud", messages=[{"role": "user", "content": "为什么"}])
        assert "云端暂时不可用" in again.choices[0].message.content and again.edge["trouble"] in ("unreachable", "cut")


def test_what_cannot_work_is_refused_in_one_line(edge, decision):  # noqa: F811
    known = ["--edge", edge, "--decision", str(decision), "--port", "0"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for arguments, variables, words in (
            (["--edge", "http://192.0.2.1/v1", *known[2:]], {}, "expected a server on this machine"),
            (["--edge", f"http://127.0.0.1:{port}/nothing", "--decision", "/nowhere"], {}, "expected"),
            ([*known, "--host", "0.0.0.0"], {"EDGE_GATEWAY_KEY": ""}, "expected a key in $EDGE_GATEWAY_KEY"),
            ([*known[:-1], port], {}, "expected a free port"),
            ([*known, "--cloud", "http://cloud.example/v1", "--cloud-model", "m"], {"EDGE_CLOUD_API_KEY": "sk-x"}, "expected https"),
        ):
            refused = gateway(*arguments, **variables)
            assert refused.returncode == 2 and words in refused.stderr and len(refused.stderr.strip().splitlines()) == 1
            assert "sk-x" not in refused.stderr + refused.stdout


def test_it_ends_when_it_is_asked_to(edge, decision):  # noqa: F811
    process = subprocess.Popen([sys.executable, *COMMAND, "gateway", "--edge", edge, "--decision", str(decision), "--port", "0"],
                               stdout=subprocess.PIPE, text=True, env={**os.environ, "EDGE_GATEWAY_KEY": ""})
    assert process.stdout.readline().startswith("http://127.0.0.1:")
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def test_the_modes_of_the_command_are_the_routers():
    assert get_args(Mode) == tuple(sorted(MODES, key=get_args(Mode).index))
