"""AngelSlim's engine as a program: ``python -m pipeline.compress.angelslim.worker JOB.json`` in its own environment.

It reads a model directory and writes one, in the form that AngelSlim gives it, by the job.  It ends by itself at the time
limit (SIGALRM), reaches no network, and says what it is at in lines that begin with STEP.  Where it fails for a reason that lies in the
machine or in AngelSlim's package, the line UNAVAILABLE tells which (`failures`); any other exception is a mistake and ends it as such.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from pipeline.compress.angelslim import failures, stand_ins, without_cuda
from pipeline.compress.angelslim.job import STEP, STEPS, UNAVAILABLE, Job


def main() -> None:
    job: Job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    signal.setitimer(signal.ITIMER_REAL, job["seconds"])  # nobody handles it: it ends the program wherever it is
    sys.addaudithook(_refuse_network)
    try:
        quantise(job)
    except Exception as error:
        if reason := failures.unavailable(error):
            print(UNAVAILABLE + reason, flush=True)
        raise


def quantise(job: Job) -> None:
    """Run the engine from the model to the directory ``out``."""
    _step(0)
    stand_ins.install()
    without_cuda.install()
    from angelslim.engine import Engine
    from angelslim.utils.config_parser import CompressionConfig, GlobalConfig, QuantizationConfig

    stand_ins.close()
    import torch  # not before: a package that is broken is told at once

    torch.set_num_threads(job["threads"])
    torch.manual_seed(0)
    batches = _batches(job["prompts"])
    _step(1)
    engine = Engine()
    engine.prepare_model(job["family"], model_path=job["source"], torch_dtype="auto", trust_remote_code=False,
                         device_map="cuda" if torch.cuda.is_available() else "cpu")
    if batches:
        engine.prepare_data(custom_dataloader=torch.utils.data.DataLoader(batches, batch_size=None))
    longest = max((batch["input_ids"].shape[-1] for batch in batches), default=1)
    _step(2)
    engine.prepare_compressor("PTQ", GlobalConfig(max_seq_length=longest),
                              CompressionConfig("PTQ", QuantizationConfig(**job["compression"])))
    engine.run()
    _step(3)
    engine.convert()
    _step(4)
    engine.save(job["out"])


def _batches(prompts: list[list[int]]) -> list[dict[str, Any]]:
    """What AngelSlim's own data sets give, [1, T] of a prompt each, but as it is: they pad, and calibrate on the padding."""
    import torch

    rows = [torch.tensor([ids]) for ids in prompts]
    return [{"input_ids": ids, "labels": ids.clone(), "attention_mask": torch.ones_like(ids)} for ids in rows]


def _step(number: int) -> None:
    print(f"{STEP}{STEPS[number]}", flush=True)


def _refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise PermissionError(f"{event}: quantising reaches no network")


if __name__ == "__main__":
    os.umask(0o022)
    main()
