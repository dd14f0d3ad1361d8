"""From a plan and images to a trainer: a plain one, or on a GPU one that replays its iterations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from zoo.data.sampler import sampler_on
from zoo.system.console import warn
from zoo.training.graph_capture import CudaGraphCapture
from zoo.training.graph_trainer import GraphTrainer
from zoo.training.ranks import ALONE
from zoo.training.threads import use_cores
from zoo.training.trainer import Trainer

if TYPE_CHECKING:
    from zoo.components import Plan
    from zoo.images import Images
    from zoo.training.device import Precision
    from zoo.training.ranks import Ranks


def build_trainer(
    plan: Plan,
    images: Images,
    device: torch.device,
    precision: Precision,
    ranks: Ranks = ALONE,
    *,
    eager: bool = False,
) -> Trainer:
    """Return a trainer on the images. On a GPU, one that trains alone replays a CUDA graph, unless `eager`.

    Args:
        plan: what to assemble.
        images: all of them; which are for training, `split` says.
        device: where the networks live.
        precision: of convolutions.
        ranks: the processes that train together.
        eager: capture no CUDA graph.
    """
    prepare(device)
    sampler = sampler_on(device, images)
    if sampler.on_gpu and ranks.size == 1 and not eager:
        return GraphTrainer(plan, sampler, device, precision, CudaGraphCapture(device), warn)
    return Trainer(plan, sampler, device, precision, ranks)


def prepare(device: torch.device) -> None:
    """Set what holds for this whole process: threads, and how cuDNN chooses its algorithms."""
    use_cores()
    if device.type == "cuda":
        # A training's shapes never change, so that cuDNN's search for the fastest algorithms pays.
        torch.backends.cudnn.benchmark = True
