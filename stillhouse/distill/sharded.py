"""A student whose weights are spread over several processes, each with its part of them and of all that trains them.

PyTorch's fully sharded data parallelism (`fully_shard`, "FSDP2") gathers the weights of a module for its forward and
backward pass only and adds up gradients so that each process gets its part of the sum. Here a module is a decoder
layer; embedding, last norm and head are one module with the loss, because the loss multiplies with the head's weight
itself and gives its gradient.

What writes answers, measures and saves uses the plain model, whose weights are there inside `whole()` alone. It is
not FSDP's module called without gradients: decoding calls layers thousands of times, looks at their classes, and
shares them between threads.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn import Parameter

from stillhouse.distill.batching import MicroBatch
from stillhouse.distill.distributed import Processes
from stillhouse.distill.importance import decoder_layers
from stillhouse.distill.loss import Head, LossOutputs, Rule
from stillhouse.distill.network import Network

__all__ = ["ShardedNetwork", "part", "part_of", "shard", "whole"]


def shard(network: Network, processes: Processes) -> Network:
    """`network` with its weights spread over `processes`; itself if there is one."""
    return network if processes.size == 1 else ShardedNetwork(network, processes)


class ShardedNetwork(Network):
    """`model` has weights inside `whole()` alone; outside they are NaN, so that a use by mistake is seen."""

    def __init__(self, network: Network, processes: Processes) -> None:
        super().__init__(network.model, network.vocabulary)
        model = network.model
        device = self.device.type
        # The same modules once more, with the same weights, of which `fully_shard` then keeps this process's parts.
        learning: Any = copy.deepcopy(model, {id(p): p for p in model.parameters()})
        self.learning = Network(learning.train(), network.vocabulary)
        self._reading = _Reading(self.learning)
        mesh = init_device_mesh(device, (processes.size,))
        policy = MixedPrecisionPolicy(reduce_dtype=torch.float32)
        for module in (*decoder_layers(learning), self._reading):
            fully_shard(module, mesh=mesh, mp_policy=policy)
            assert isinstance(module, FSDPModule)
            # A sum: each token's weight is its share of all tokens of the step, wherever they are read.
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)
        self._users = 0
        self._empty()

    def share_embedding_gradient(self) -> None:
        """Nothing: gradients of several processes are added up as whole arrays."""

    def trainable(self) -> dict[str, Parameter]:
        """See `Network`; each of them is this process's part."""
        return self.learning.trainable()

    def loss(
        self,
        batch: MicroBatch,
        rule_of: Callable[[Tensor, Head], Rule],
        weight_N: Tensor,
        temperature: float,
        chunk: int,
    ) -> LossOutputs:
        """See `Network`. All processes call it together."""
        loss, metrics = self._reading(batch, rule_of, weight_N, temperature, chunk)
        return LossOutputs(loss, metrics)

    @contextmanager
    def whole(self) -> Iterator[None]:
        """See `Network`. All processes enter together; each holds all weights until it leaves."""
        if self._users == 0:
            self._fill()
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if self._users == 0:
                self._empty()

    @torch.no_grad()
    def _fill(self) -> None:
        plain = dict(self.model.named_parameters())
        for name, p in self.learning.model.named_parameters():
            assert isinstance(p, DTensor)
            plain[name].data = p.full_tensor()

    def _empty(self) -> None:
        for p in self.model.parameters():
            p.data = torch.full((1,), torch.nan, dtype=p.dtype, device=p.device).expand(p.shape)


class _Reading(nn.Module):
    """Hidden states and their loss in one forward pass: the time for which the head's weight is there as a whole."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.model, self.network = network.model, network

    def forward(self, *arguments: Any) -> tuple[Tensor, dict[str, float]]:
        out = self.network.loss(*arguments)
        return out.loss, out.metrics  # a tensor that FSDP sees, so that it knows where the backward pass begins


def part(tensor: Tensor) -> Tensor:
    """What this process holds of a weight or of its gradient; all of it where it is not spread."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def part_of(tensor: Tensor, like: Tensor) -> Tensor:
    """This process's part of the whole `tensor`, spread as the weight `like` is."""
    if not isinstance(like, DTensor):
        return tensor
    tensor = tensor.to(like.device)
    return distribute_tensor(tensor, like.device_mesh, like.placements, src_data_rank=None).to_local()


def whole(tensor: Tensor, like: Tensor) -> Tensor:
    """All of `tensor`, a part as of the weight `like`. If that is spread, a new one on the CPU; all processes call."""
    if not isinstance(like, DTensor):
        return tensor
    # Neither gloo nor NCCL sends int16; the bits are what counts.
    bits = tensor.view(torch.bfloat16) if tensor.dtype == torch.int16 else tensor
    spread = DTensor.from_local(
        bits, like.device_mesh, like.placements, run_check=False, shape=like.shape, stride=like.stride()
    )
    return spread.full_tensor().view(tensor.dtype).cpu()
