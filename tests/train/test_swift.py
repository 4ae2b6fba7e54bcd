"""ms-swift itself, on a tiny base: it trains what the runtime asks, and a killed run goes on as if it had not been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline.process import run
from pipeline.runtime.prompt import Prompt, template
from pipeline.train import adapter as lora
from pipeline.train import results
from pipeline.train.merge import merge_adapter
from pipeline.train.plugin import label_template
from pipeline.train.sft import train_adapter

TEMPLATE = """
import json, sys
from swift import get_processor, get_template
from swift.utils import import_external_file
base, system, queries, plugin = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), sys.argv[4]
import_external_file(plugin)
processor = get_processor(base, model_type="qwen3")
template = get_template(processor, template_type="qwen3_label", max_length=128,
                        loss_scale="default+ignore_empty_think")
template.set_mode("train")
for query in queries:
    turns = (("system", system), ("user", query), ("assistant", "B"))
    row = template.encode({"messages": [{"role": role, "content": content} for role, content in turns]})
    print("ROW", json.dumps([list(row["input_ids"]), list(row["labels"])]))
"""
QUERIES = ["现在几点了", "？现在几点", "3点了吗", "what time is it", "现在 几点\n了", "……嗯", "😀几点", "a", "几点?!",
           "\u3000几点\t"]


def test_trained_row_is_the_runtimes_prompt(
    pristine_base: Path, config: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tokenizers import Tokenizer

    system, queries = config["prompt"]["system"], [query.strip() for query in QUERIES]
    run([sys.executable, "-c", TEMPLATE, str(pristine_base), system, json.dumps(queries), label_template.__file__],
        log=tmp_path / "log", env={"HF_HUB_OFFLINE": "1", "MODELSCOPE_CACHE": str(tmp_path)})
    rows = [json.loads(line[4:]) for line in (tmp_path / "log").read_text().splitlines() if line.startswith("ROW ")]
    sides, tokenizer = template(system), Tokenizer.from_file(str(pristine_base / "tokenizer.json"))
    prompt = Prompt(pristine_base, sides.prefix, sides.suffix, 128)
    for query, (ids, labels) in zip(queries, rows, strict=True):
        text = sides.prefix + query + sides.suffix + "B"
        assert tokenizer.decode(ids, skip_special_tokens=False) == text
        assert ids[:-1] == prompt.encode(query).ids
        assert labels == [-100] * (len(ids) - 1) + ids[-1:]
    with capsys.disabled():
        print("\nms-swift trains:", repr(text))


PARENT = """
import json, sys
from pathlib import Path
from pipeline.train.sft import train_adapter
out, scratch, base, train, validation = map(Path, sys.argv[1:6])
train_adapter(out, scratch, base=base, train=train, validation=validation, config=json.loads(sys.argv[6]))
"""


@pytest.mark.slow
def test_training_survives_kill_9(
    pristine_base: Path, config: dict[str, Any], write_records: Callable[..., Path], tmp_path: Path
) -> None:
    config["train"]["epochs"] = 12
    files = {"train": write_records("train", 96), "validation": write_records("validation", 12)}
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    argv = [killed, tmp_path / "scratch", pristine_base, files["train"], files["validation"], json.dumps(config)]

    with subprocess.Popen([sys.executable, "-c", PARENT, *map(str, argv)], env=here()) as parent:
        wait_for(tmp_path / "scratch" / "run" / "checkpoint-24" / "trainer_state.json", parent)
        trainer = [child for child in psutil.Process(parent.pid).children() if "swift.cli.sft" in child.cmdline()]
        parent.send_signal(signal.SIGKILL)
    assert len(trainer) == 1
    assert not psutil.wait_procs(trainer, timeout=10)[1], "the trainer outlived its parent"
    assert not killed.exists()
    done = sorted((tmp_path / "scratch" / "run").glob("checkpoint-*"))
    assert 2 <= len(done) < 12, "killed in the middle"

    train_adapter(killed, tmp_path / "scratch", base=pristine_base, config=config, **files)
    log = (tmp_path / "scratch" / "sft.log").read_text(encoding="utf-8")
    assert f"resume_from_checkpoint={tmp_path / 'scratch' / 'run'}/checkpoint-" in log
    train_adapter(straight, tmp_path / "other", base=pristine_base, config=config, **files)
    for name in (lora.WEIGHTS, lora.CONFIG):
        assert (killed / name).read_bytes() == (straight / name).read_bytes(), "the resumed run is the same run"
    check_result(straight, pristine_base)

    merge_adapter(tmp_path / "merged", base=pristine_base, adapter=straight)


def check_result(out: Path, base: Path) -> None:
    curves = json.loads((out / "curves.json").read_text())
    assert sorted(file.name for file in out.iterdir()) == sorted(
        [lora.WEIGHTS, lora.CONFIG, "curves.json", "training_args.json"])
    assert [point["step"] for point in curves["train"]] == list(range(1, 145))
    assert [point["step"] for point in curves["eval"]] == list(range(12, 145, 12))
    best = results.best_step(curves, 12)
    assert (curves["best_step"], curves["best_checkpoint"]) == (best, f"checkpoint-{best}")
    assert curves["lora_parameters"] == lora.lora_parameters(out) == 2 * 8 * ((32 + 32) + (32 + 16))
    assert curves["rows"] == {"train": 96, "validation": 12}
    for file in out.glob("*.json"):
        assert str(base.parent) not in file.read_text(), "no path of this machine"


def here() -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}


def wait_for(file: Path, parent: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + 90
    while not file.is_file():
        assert parent.poll() is None, "the training ended before it could be killed"
        assert time.monotonic() < limit, f"waited 90 s for {file.name}"
        time.sleep(0.02)
