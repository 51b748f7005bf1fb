"""Where the time of one training step goes."""

import copy

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from alexnet_lib.model import alexnet_fashion
from scripts.train import keep_memory

from .garments import PIXELS
from .machine import give_memory_back

# Names of PyTorch's operations -> the words of the book
KINDS = {
    "convolution, forward": ("mkldnn_convolution", "cudnn_convolution"),
    "convolution, backward": ("convolution_backward",),
    "pooling, forward": ("max_pool2d_with_indices",),
    "pooling, backward": ("max_pool2d_with_indices_backward",),
    "dense layers": ("addmm", "mm", "addmm_"),
    "ReLU": ("clamp_min", "relu", "threshold_backward"),
    "dropout": ("dropout", "native_dropout", "bernoulli_", "div_"),
    "optimizer": ("_fused_sgd_", "_foreach_add_", "add_"),
    "copies and zeros": ("copy_", "zero_", "fill_"),
}


def seconds_by_kind(
    net: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    fused: bool,
) -> dict[str, float]:
    """Seconds of one step in each kind of operation."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, fused=fused)
    criterion = nn.CrossEntropyLoss()

    def step() -> None:
        optimizer.zero_grad()
        criterion(net(images), labels).backward()
        optimizer.step()

    step()
    activities = [ProfilerActivity.CPU]
    if images.is_cuda:
        activities.append(ProfilerActivity.CUDA)
    with profile(activities=activities) as profiled:
        step()
    found = dict.fromkeys([*KINDS, "the rest"], 0.0)
    kind_of = {op: kind for kind, ops in KINDS.items() for op in ops}
    for event in profiled.key_averages():
        micro = (
            event.self_device_time_total
            if images.is_cuda
            else event.self_cpu_time_total
        )
        name = event.key.removeprefix("aten::")
        found[kind_of.get(name, "the rest")] += micro / 1e6
    return found


def profiles(batch: int, device: torch.device) -> dict[str, dict]:
    """One step in the usual layout and one in the library's way."""
    torch.manual_seed(0)
    net = alexnet_fashion().to(device)
    images = torch.rand(batch, 1, PIXELS, PIXELS, device=device)
    labels = torch.arange(batch, device=device) % 10
    give_memory_back()
    usual = seconds_by_kind(copy.deepcopy(net), images, labels, fused=False)
    keep_memory()
    last = torch.channels_last
    library = seconds_by_kind(
        net.to(memory_format=last),
        images.to(memory_format=last),
        labels,
        fused=True,
    )
    return {"usual layout": usual, "the library": library}
