"""What is marked local never reaches another machine, and no key a host that is not its own, whatever the configuration says."""

from __future__ import annotations

import pytest

from pipeline.client import Client
from pipeline.errors import EdgeError
from tests.client.client_files import NOBODY, foreign, write

SECRET = "我的体检报告说血压偏高"
ASKED = [{"role": "user", "content": SECRET}]
NAMED = [{**ASKED[0], "name": "local_only"}]
WAYS = [("argument", ASKED, {"local_only": True}), ("name", NAMED, {}), ("metadata", ASKED, {"metadata": {"local_only": "true"}})]


def received(server) -> str:
    return server.memory.received.decode("unicode_escape", errors="replace") + server.memory.received.decode(errors="replace")


@pytest.mark.parametrize("use", ["local", "cloud", "gateway", "auto"])
@pytest.mark.parametrize(("way", "messages", "options"), WAYS, ids=[way for way, *_ in WAYS])
def test_text_marked_local_never_leaves(tmp_path, cloud, use, way, messages, options):
    """Every name leads to another machine, the one called local too, and the one that really is here is down."""
    far = foreign(cloud.url)
    file = write(tmp_path / "client.yaml", use, local=far, cloud=far, gateway=far, here=NOBODY, fall_back=["here", "cloud", "gateway"])
    with Client(file) as client:
        with pytest.raises(EdgeError, match="no endpoint answered: .*for text that is local only, found another; not asked"):
            client.chat(messages, **options)
        with pytest.raises(EdgeError, match="no endpoint answered"):
            client.stream(messages, **options)
    assert not cloud.memory.received


def test_a_configuration_that_is_local_only(tmp_path, cloud):
    far = {"url": foreign(cloud.url), "embedding": "e", "reranker": "r"}
    with Client(write(tmp_path / "client.yaml", "cloud", cloud=far, local_only=True)) as client:
        for ask in (lambda: client.chat(ASKED), lambda: client.embed([SECRET]), lambda: client.rerank(SECRET, [SECRET])):
            with pytest.raises(EdgeError, match="not asked"):
                ask()
    assert not cloud.memory.received


def test_what_was_said_in_private_earlier_is_not_forwarded_later(tmp_path, local, cloud):
    talk = [*NAMED, {"role": "assistant", "content": "血压偏高请少吃盐"}, {"role": "user", "content": "谢谢"}]
    with Client(write(tmp_path / "client.yaml", "cloud", cloud=foreign(cloud.url), local=local.url)) as client:
        assert client.chat(talk).endpoint == "cloud"
    assert cloud.memory.questions == ["谢谢"] and "血压" not in received(cloud) and "local_only" not in received(cloud)


def test_here_it_is_answered_and_a_gateway_is_told(tmp_path, local):
    with Client(write(tmp_path / "client.yaml", "local", local=local.url)) as client:
        assert client.chat(NAMED).endpoint == "local"
    assert '"metadata":{"local_only":"true"}' in received(local).replace(" ", "")


def test_a_key_goes_to_its_own_host_alone(tmp_path, local, cloud, monkeypatch):
    monkeypatch.setenv("CLOUD_KEY", "geheim-4711")
    file = write(tmp_path / "client.yaml", "cloud", cloud={"url": cloud.url, "key": "CLOUD_KEY"}, local=local.url, fall_back=["local"])
    cloud.memory.fault = "redirect"
    with Client(file) as client:
        assert client.chat([{"role": "user", "content": "你好"}], user=f"{local.url}/chat/completions").endpoint == "local"
    assert "geheim-4711" in received(cloud) and "geheim-4711" not in received(local)


@pytest.mark.parametrize(("fields", "message"), [
    ({"key": "sk-geheim4711"}, "endpoints.cloud.key: expected the name of an environment variable, such as EDGE_CLOUD_API_KEY, found "
                               "another text; put the key into such a variable, and its name here"),
    ({"key": "CLOUD_KEY"}, "endpoints.cloud.url: expected https where a key is sent, found http to api.example.com; use https or unset "
                           "the key"),
    ({"url": "ftp://api.example.com"}, "endpoints.cloud.url: expected a base URL such as https://host/v1, found 'ftp://api.example.com'; "
                                       "correct it"),
    ({"limits": {"attempts": 0}}, "{file}: endpoints.cloud.limits: attempts: Input should be greater than or equal to 1, found '0.0'"),
    ({"modle": "x"}, "{file}: unknown key endpoints.cloud.modle; did you mean model?")])
def test_a_mistake_is_told_in_a_line_and_no_key_with_it(tmp_path, monkeypatch, fields, message):
    monkeypatch.setenv("CLOUD_KEY", "geheim4711")
    file = write(tmp_path / "client.yaml", "cloud", cloud={"url": "http://api.example.com/v1", **fields})
    with pytest.raises(EdgeError) as raised:
        Client(file)
    assert str(raised.value) == message.format(file=file) and "geheim" not in str(raised.value)


def test_a_missing_key_is_told_before_anything_is_sent(tmp_path, cloud, monkeypatch):
    monkeypatch.delenv("CLOUD_KEY", raising=False)
    file = write(tmp_path / "client.yaml", "cloud", cloud={"url": foreign(cloud.url), "key": "CLOUD_KEY"})
    with Client(file) as client, pytest.raises(EdgeError, match=r"cloud: expected its key in \$CLOUD_KEY, found none; set it$"):
        client.chat(ASKED)
    assert not cloud.memory.received
