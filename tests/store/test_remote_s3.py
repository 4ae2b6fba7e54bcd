"""A store shared over S3's protocol, spoken by a server on this machine; skipped where extra `s3` or moto is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import EdgeError
from pipeline.store import Spec, Store

s3fs = pytest.importorskip("s3fs", reason='pip install -c constraints.txt -e ".[s3]" "moto[server]"')
server = pytest.importorskip("moto.server", reason='pip install "moto[server]"')


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    running = server.ThreadedMotoServer("127.0.0.1", 0)
    running.start()
    host, port = running.get_host_and_port()
    for name, value in {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
                        "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem().makedirs("models", exist_ok=True)  # the server's buckets outlive it
    yield f"s3://models/{tmp_path.name}"
    s3fs.S3FileSystem.clear_instance_cache()
    running.stop()


def test_built_there_used_here(tmp_path: Path, url: str, spec: Spec) -> None:
    built = Store(tmp_path / "gpu-box", url).get(spec)
    here = Store(tmp_path / "mac", url)
    artifact = here.get(spec)
    assert spec.build.runs == 1 and artifact.key == built.key
    assert {name: artifact.file(name).read_bytes() for name in artifact.manifest["files"]} == spec.build.files
    here.verify(artifact.key)


def test_a_flipped_byte_there_is_refused(tmp_path: Path, url: str, spec: Spec) -> None:
    Store(tmp_path / "gpu-box", url).get(spec)
    bucket = s3fs.S3FileSystem()
    weights = next(path for path in bucket.find("models") if path.endswith("weights.bin"))
    bucket.pipe(weights, b"\x01" + bucket.cat(weights)[1:])
    bucket.invalidate_cache()
    with pytest.raises(EdgeError, match=r"weights\.bin.*refused"):
        Store(tmp_path / "mac", url).get(spec)


def test_a_server_that_is_not_there_is_told_of_and_done_without(
    tmp_path: Path, url: str, spec: Spec, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    s3fs.S3FileSystem.clear_instance_cache()
    assert Store(tmp_path / "gpu-box", url).get(spec).file("weights.bin").is_file()
    assert f"the remote store {url} cannot be used" in capsys.readouterr().err
