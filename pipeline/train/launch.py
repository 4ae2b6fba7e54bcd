"""Training on several GPUs, of one node or several: ms-swift under the launcher that its own command line starts, and DeepSpeed.

A profile's ``train.batch_size`` stays the batch of all processes together, so the curve is that of one process; what differs is the
order of additions, and what dropout draws.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pipeline.errors import EdgeError
from pipeline.train import rank

PROGRAM = "swift.cli.sft"
RANK, ADDRESS, PORT = "NODE_RANK", "MASTER_ADDR", "MASTER_PORT"  # of a node, in its environment, as ms-swift and torch name them


@dataclass(frozen=True)
class Launch:
    """``train.launch`` of a profile, one process if it has none; and which of the nodes this is, in the environment's words."""

    gpus: int = 1
    nodes: int = 1
    deepspeed: str | None = None
    alone: bool = True
    node: int = 0

    @classmethod
    def of(cls, recipe: Mapping[str, Any], device: str, rows: Mapping[str, int]) -> Self:
        """How a recipe is trained here.  rows: of each split.

        EdgeError where this machine has fewer GPUs or lacks DeepSpeed, where the rows cannot be dealt out evenly, for ms-swift would
        leave out the last ones, and where a node does not know its place.
        """
        asked = recipe.get("launch")
        if asked is None:
            return cls()
        found = cls(**asked, alone=False, node=_place(asked["nodes"]))
        found._check_machine(device)
        for split, count in rows.items():
            if count % found.processes:
                raise EdgeError(f"train.launch: expected a number of {split} rows that {found.processes} processes share evenly, found "
                                f"{count}; ms-swift would leave out the last {count % found.processes}: take other data.{split} or gpus")
        return found

    @property
    def processes(self) -> int:
        return self.gpus * self.nodes

    def share(self, batch: int) -> int:
        """Rows of a batch that each process takes."""
        return batch // self.processes

    @property
    def options(self) -> dict[str, Any]:
        """ms-swift's arguments beside those of one process."""
        return {} if self.deepspeed is None else {"deepspeed": self.deepspeed}

    @property
    def program(self) -> list[str]:
        """What stands before ms-swift's arguments: what ``swift sft`` starts, without itself as one process more between."""
        if self.alone:
            return [sys.executable, "-m", PROGRAM]
        flags = [part for name, value in self.variables.items() for part in (f"--{name.lower()}", value)]
        return [sys.executable, "-m", "torch.distributed.run", *flags, str(Path(rank.__file__).resolve()), PROGRAM]

    @property
    def variables(self) -> dict[str, str]:
        """The variables by which ms-swift is told of several processes, in the order in which it hands them to torch."""
        if self.nodes == 1:
            return {"NPROC_PER_NODE": str(self.gpus), PORT: str(_free_port()), "NNODES": "1", RANK: "0", ADDRESS: "127.0.0.1"}
        return {"NPROC_PER_NODE": str(self.gpus), PORT: os.environ[PORT], "NNODES": str(self.nodes), RANK: str(self.node),
                ADDRESS: os.environ[ADDRESS]}

    @property
    def devices(self) -> str:
        """CUDA_VISIBLE_DEVICES."""
        return ",".join(map(str, range(self.gpus)))

    @property
    def identity(self) -> dict[str, Any]:
        """What of it the training depends on, for one that was killed to go on."""
        return {} if self.alone else {"launch": {"gpus": self.gpus, "nodes": self.nodes, "deepspeed": self.deepspeed}}

    @property
    def resumable(self) -> bool:
        """On several nodes each might find another newest checkpoint, so a killed training begins again there."""
        return self.nodes == 1

    def end_of_helper(self) -> None:
        """EdgeError on every node but the first, which alone has the adapter."""
        if self.node:
            raise EdgeError(f"node {self.node} of {self.nodes}: its part of the training is done, and the adapter lies in the store of "
                            "node 0; share that by --store-url and run again here")

    def _check_machine(self, device: str) -> None:
        import torch

        if device == "mps":
            raise EdgeError("train.launch: expected GPUs of NVIDIA or a CPU, found a Mac; leave train.launch out of the profile")
        if device == "cuda" and torch.cuda.device_count() < self.gpus:
            raise EdgeError(f"train.launch: expected {self.gpus} GPUs, found {torch.cuda.device_count()}; lower train.launch.gpus")
        if self.deepspeed and importlib.util.find_spec("deepspeed") is None:
            raise EdgeError(f"train.launch: expected DeepSpeed for {self.deepspeed}, found none; pip install deepspeed, or leave "
                            "train.launch.deepspeed out")


def _place(nodes: int) -> int:
    """This node's number; EdgeError unless the environment says it, and where the first node is."""
    if nodes == 1:
        return 0
    missing = [name for name in (RANK, ADDRESS, PORT) if not os.environ.get(name)]
    if missing:
        raise EdgeError(f"train.launch: expected {RANK}, {ADDRESS} and {PORT} in the environment of each of {nodes} nodes, found no "
                        f"{', '.join(missing)}; set them, {ADDRESS} to the address of node 0")
    if os.environ[RANK] not in map(str, range(nodes)):
        raise EdgeError(f"{RANK}: expected this node's number, 0 to {nodes - 1}, found {os.environ[RANK]!r:.40}")
    return int(os.environ[RANK])


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])
