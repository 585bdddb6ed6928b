"""One process or several: started by torchrun, each takes its share of every batch and all take the same step.

    torchrun --nproc-per-node 4 -m training.train --config training/configs/t0_pyramid.yaml --out runs/t0
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True, slots=True)
class World:
    """Which process this is. ``size`` 1: no torchrun, nothing to agree about."""

    rank: int
    size: int
    local_rank: int

    @property
    def first(self) -> bool:
        """True in the one process that writes files and progress."""
        return self.rank == 0

    def mean_count(self, count: Tensor) -> Tensor:
        """Mean over processes of a count that losses are divided by.

        Gradients are averaged over processes. A loss divided by its own process's count would weigh pictures of a
        process with few boxes more; divided by the mean count, the average is the gradient of the joint batch.
        """
        if self.size == 1:
            return count
        total = count.detach().clone()
        dist.all_reduce(total)
        return total / self.size

    def any(self, flag: bool) -> bool:
        """True in every process when it holds in one of them."""
        if self.size == 1:
            return flag
        told = torch.tensor(float(flag))
        if dist.get_backend() == "nccl":
            told = told.cuda(self.local_rank)
        dist.all_reduce(told)
        return bool(told > 0)

    def wrap(self, model: nn.Module, device: torch.device) -> nn.Module:
        """The model whose gradients are averaged over processes; itself when there is one."""
        if self.size == 1:
            return model
        if device.type == "cuda":
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return DistributedDataParallel(model, device_ids=[self.local_rank] if device.type == "cuda" else None,
                                       broadcast_buffers=False, find_unused_parameters=True)

    def barrier(self) -> None:
        if self.size > 1:
            dist.barrier()


def join() -> World:
    """The world this process was started into; joins the process group of torchrun."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return World(0, 1, 0)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return World(dist.get_rank(), size, int(os.environ.get("LOCAL_RANK", "0")))


def leave() -> None:
    """Ends the process group, if there is one."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()
