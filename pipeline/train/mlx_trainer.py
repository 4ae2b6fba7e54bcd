"""``python -m pipeline.train.mlx_trainer JOB.json``: LoRA by mlx-lm's own trainer, for `pipeline.train.mlx_lora`.

Beside mlx-lm's own program, batches and loss are ours (`pipeline.train.mlx_batches`), validation tells the accuracy, and a
training that was broken off goes on where it was.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
from mlx.utils import tree_flatten, tree_map_with_path
from mlx_lm.tuner.callbacks import TrainingCallback
from mlx_lm.tuner.trainer import TrainingArgs, train
from mlx_lm.tuner.utils import linear_to_lora_layers
from mlx_lm.utils import load_model

from pipeline.runtime.files import read_object, write_object
from pipeline.train.mlx_batches import answer_loss, batches, evaluate

CLIP = 1.0  # as ms-swift: the norm that gradients are cut to


class ClippedAdamW(optim.AdamW):
    """AdamW as ms-swift sets it (betas 0.9 and 0.95, bias corrected), with the gradients' norm cut to CLIP; the norm before stands in
    ``state["grad_norm"]``."""

    def __init__(self, learning_rate: float, steps: int, warmup: int, weight_decay: float) -> None:
        super().__init__(schedule(learning_rate, steps, warmup), betas=[0.9, 0.95], weight_decay=weight_decay, bias_correction=True)
        self.state["grad_norm"] = mx.array(0.0)

    def apply_gradients(self, gradients: dict, parameters: dict) -> dict:
        gradients, self.state["grad_norm"] = optim.clip_grad_norm(gradients, CLIP)
        return super().apply_gradients(gradients, parameters)


def schedule(learning_rate: float, steps: int, warmup: int) -> Callable[[mx.array], mx.array]:
    """A cosine from ``learning_rate`` to 0 at ``steps``, after a straight line from 0 over the first ``warmup`` of them; as ms-swift."""
    falling = optim.cosine_decay(learning_rate, steps - warmup)
    return optim.join_schedules([optim.linear_schedule(0, learning_rate, warmup), falling], [warmup]) if warmup else falling


class Watch(TrainingCallback):
    """Notes every step; evaluates and keeps a checkpoint where the job wants one."""

    def __init__(self, job: dict[str, Any], model: nn.Module, optimizer: ClippedAdamW, done: int, points: dict[str, Any]) -> None:
        self.job, self.model, self.optimizer, self.done, self.points = job, model, optimizer, done, points

    def on_train_loss_report(self, train_info: dict) -> None:
        step = self.done + train_info["iteration"]
        self.points["train"].append({
            "step": step, "loss": train_info["train_loss"], "grad_norm": self.optimizer.state["grad_norm"].item(),
            "learning_rate": train_info["learning_rate"],
        })
        print(f"step {step} loss {train_info['train_loss']:.4f}", flush=True)
        if step % self.job["save_steps"] == 0 or step == self.job["steps"]:
            found = evaluate(self.model, self.job["validation"], self.job["batch_size"])
            self.points["eval"].append({"step": step, "epoch": step / self.job["epoch_steps"], **found})
            self._keep(step)

    def _keep(self, step: int) -> None:
        """All that going on needs, in a folder that is there whole or not at all."""
        folder, partial = Path(self.job["output"]) / f"checkpoint-{step}", Path(self.job["output"]) / "partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        mx.save_safetensors(str(partial / "adapters.safetensors"), dict(tree_flatten(self.model.trainable_parameters())))
        mx.save_safetensors(str(partial / "state.safetensors"), dict(tree_flatten(self.optimizer.state)))
        write_object(partial / "points.json", self.points)
        os.replace(partial, folder)
        throw_anew(self.job, step)


def throw_anew(job: dict[str, Any], step: int) -> None:
    """The dice of dropout start anew after every checkpoint, so that whoever goes on from it throws the same."""
    mx.random.seed(job["seed"] + step)


def go_on(checkpoint: Path | None, model: nn.Module, optimizer: ClippedAdamW) -> tuple[int, dict[str, Any]]:
    """Step and curves so far; model and optimizer as they were then."""
    optimizer.init(model.trainable_parameters())
    if checkpoint is None:
        return 0, {"train": [], "eval": []}
    model.load_weights(str(checkpoint / "adapters.safetensors"), strict=False)
    state = mx.load(str(checkpoint / "state.safetensors"))
    optimizer.state = tree_map_with_path(lambda path, _: state[path], optimizer.state)
    return int(checkpoint.name.removeprefix("checkpoint-")), read_object(checkpoint / "points.json", "a training's curves")


def main(job: dict[str, Any]) -> None:
    throw_anew(job, 0)
    model, _ = load_model(Path(job["base"]))
    model.freeze()
    linear_to_lora_layers(model, -1, job["lora_parameters"])
    optimizer = ClippedAdamW(job["learning_rate"], job["steps"], job["warmup_steps"], job["weight_decay"])
    done, points = go_on(Path(job["checkpoint"]) if job["checkpoint"] else None, model, optimizer)
    if done:
        throw_anew(job, done)
    args = TrainingArgs(batch_size=job["batch_size"], iters=job["steps"] - done, steps_per_report=1, steps_per_save=job["steps"] + 1,
                        adapter_file=str(Path(job["output"]) / "last.safetensors"), grad_checkpoint=job["grad_checkpoint"])
    train(model, optimizer, job["train"], args=args, loss=answer_loss, training_callback=Watch(job, model, optimizer, done, points),
          iterate_batches=lambda **_: batches(job["train"], job["batch_size"], job["seed"], done))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
