"""Which endpoint answers, who takes its place, and that a changed file is enough to change it."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

from pipeline.client import AsyncClient, Client
from pipeline.edge.cloud_stand_in import answer_to
from pipeline.errors import EdgeError
from tests.client.client_files import NOBODY, foreign, write

HELLO = [{"role": "user", "content": "你好"}]


@pytest.mark.parametrize("use", ["local", "cloud"])
def test_the_endpoint_in_use_answers_alone(tmp_path, local, cloud, use):
    with Client(write(tmp_path / "client.yaml", use, local=local.url, cloud=cloud.url)) as client:
        answer = client.chat(HELLO)
    asked = {"local": local, "cloud": cloud}
    assert (answer.endpoint, answer.text, answer.fell_back) == (use, answer_to("你好"), False)
    assert [bool(server.memory.questions) for server in asked.values()] == [name == use for name in asked]


def test_a_changed_file_is_followed_without_a_restart(tmp_path, local, cloud):
    file = write(tmp_path / "client.yaml", "local", local=local.url, cloud=cloud.url)
    with Client(file) as client:
        before = client.chat(HELLO).endpoint
        write(tmp_path / "new.yaml", "cloud", local=local.url, cloud=cloud.url)
        os.replace(tmp_path / "new.yaml", file)
        assert (before, client.chat(HELLO).endpoint) == ("local", "cloud")


def test_a_mistake_in_the_changed_file_is_told_and_what_was_read_stays(tmp_path, local, caplog):
    file = write(tmp_path / "client.yaml", "local", local=local.url)
    with Client(file) as client:
        file.write_text("use: nowhere\nendpoints: {local: {url: 'http://127.0.0.1:1/v1'}}\n")
        assert client.chat(HELLO).endpoint == client.chat(HELLO).endpoint == "local"
        told = f"{file}: the file: expected one of local or auto, found 'nowhere'"
        assert client.mistake.startswith(told) and sum(told in line for line in caplog.messages) == 1
        write(file, "local", local=local.url)
        assert client.chat(HELLO).endpoint == "local" and not client.mistake


def test_the_environment_switches_too(tmp_path, local, cloud, monkeypatch):
    monkeypatch.setenv("EDGE_CLIENT", str(write(tmp_path / "client.yaml", "local", local=local.url, cloud=NOBODY)))
    monkeypatch.setenv("EDGE_CLIENT_USE", "cloud")
    monkeypatch.setenv("EDGE_CLIENT_CLOUD_URL", cloud.url)
    with Client() as client:
        assert client.chat(HELLO).endpoint == "cloud"


@pytest.mark.parametrize(("fault", "trouble"), [("500", "failing"), ("429", "busy"), ("garbage", "garbage"), ("cut", "cut"),
                                                ("slow", "slow"), ("wrong", "garbage"), ("redirect", "refused")])
def test_another_takes_the_place_of_one_that_fails_and_the_answer_says_so(tmp_path, local, cloud, fault, trouble):
    local.memory.fault = fault
    with Client(write(tmp_path / "client.yaml", "local", local=local.url, cloud=cloud.url, fall_back=["cloud"])) as client:
        answer = client.chat(HELLO)
    assert (answer.endpoint, answer.text) == ("cloud", answer_to("你好"))
    assert [(one.endpoint, one.trouble) for one in answer.skipped] == [("local", trouble)]


def test_without_a_fall_back_the_reason_is_told(tmp_path, local):
    local.memory.fault = "500"
    with Client(write(tmp_path / "client.yaml", "local", local=local.url, cloud=NOBODY)) as client, pytest.raises(EdgeError) as raised:
        client.chat(HELLO)
    assert str(raised.value) == "no endpoint answered: local: expected an answer, found status 500; try again later"


def test_auto_asks_one_that_keeps_failing_last(tmp_path, local, cloud):
    local.memory.fault = "500"
    with Client(write(tmp_path / "client.yaml", local=local.url, cloud=cloud.url)) as client:
        skipped = [[one.trouble for one in client.chat(HELLO).skipped] for _ in range(4)]
    assert skipped[0] == ["failing"] and skipped[-1] == [] and len(local.memory.questions) == 4


def test_a_stream_comes_in_pieces_and_falls_back_only_before_the_first(tmp_path, local, cloud):
    file = write(tmp_path / "client.yaml", "local", local=local.url, cloud=cloud.url, fall_back=["cloud"])
    with Client(file) as client:
        stream = client.stream(HELLO)
        pieces = list(stream)
        assert len(pieces) > 1 and "".join(pieces) == answer_to("你好") == stream.answer.text and stream.origin.endpoint == "local"
        local.memory.fault = "garbage"
        stream = client.stream(HELLO)
        assert (stream.origin.endpoint, "".join(stream)) == ("cloud", answer_to("你好"))
        local.memory.fault = "cut"
        with pytest.raises(EdgeError, match="^local: expected the whole answer, found the connection broken"):
            list(client.stream([{"role": "user", "content": "很长的问题" * 20}]))


def test_health_says_who_is_well(tmp_path, local):
    file = write(tmp_path / "client.yaml", local=local.url, cloud={"url": "https://127.0.0.1:9/v1"}, far={"url": foreign(local.url)})
    with Client(file) as client:
        found = client.health()
    assert (found["local"].models, found["local"].well) == (("stand-in",), True)
    assert (found["cloud"].trouble, found["far"].well) == ("unreachable", True)


def test_many_threads_at_once_while_the_file_changes(tmp_path, local, cloud):
    file = write(tmp_path / "client.yaml", "local", local=local.url, cloud=cloud.url)
    with Client(file) as client:
        answers: list[str] = []
        threads = [threading.Thread(target=lambda: answers.append(client.chat(HELLO).text)) for _ in range(24)]
        for number, thread in enumerate(threads):
            thread.start()
            if number % 8 == 0:
                write(tmp_path / "new.yaml", ("local", "cloud")[number % 16 == 0], local=local.url, cloud=cloud.url)
                os.replace(tmp_path / "new.yaml", file)
        for thread in threads:
            thread.join()
    assert answers == [answer_to("你好")] * 24


def test_on_an_event_loop(tmp_path, local):
    async def talk() -> tuple[str, str]:
        async with AsyncClient(write(tmp_path / "client.yaml", local=local.url)) as client:
            return (await client.chat(HELLO)).text, "".join([piece async for piece in client.stream(HELLO)])

    assert asyncio.run(talk()) == (answer_to("你好"),) * 2
