"""AdamW on float32 weights, whatever the model computes in.

A bfloat16 weight has 8 bits: at a learning rate of 1e-4 most updates round to nothing. So each such weight has a
float32 master. Its upper half is the weight itself, and only the lower 16 bits are kept beside it: half the memory
of a float32 copy, and exactly the same numbers (`split` and `join`).

The update runs over a million weights at a time, so that what it needs in float32 stays in cache.

Where weights are spread over processes, each updates its part and holds the moments of that; only the gradient's norm
is everybody's. What goes to disk are whole arrays, so a checkpoint does not depend on how many processes wrote it.
"""

import math
from collections.abc import Iterator, Mapping
from functools import partial

import torch
from torch import Tensor
from torch.nn import Parameter

from stillhouse.distill.distributed import ALONE, Processes
from stillhouse.distill.sections import OptimizerSettings
from stillhouse.distill.sharded import part, part_of, whole

__all__ = ["MasterAdamW", "join", "split"]

_PIECE = 1 << 20
_EPSILON = 1e-8


class MasterAdamW:
    """AdamW over `parameters` (name -> trainable parameter, float32 or bfloat16). Decay applies to matrices only.

    With `sums`, gradients of bfloat16 parameters are moved to float32 sums as soon as a backward pass has made
    them, because a sum over micro-batches in bfloat16 would lose the small ones. One pass a step needs none.
    """

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        settings: OptimizerSettings,
        *,
        sums: bool,
        processes: Processes = ALONE,
    ) -> None:
        self.parameters, self.settings, self.processes = dict(parameters), settings, processes
        halves = {name: p for name, p in parameters.items() if p.dtype != torch.float32}
        self.low = {name: torch.zeros_like(part(p), dtype=torch.int16) for name, p in halves.items()}
        """The bits of each master that its bfloat16 weight has no room for."""
        self.moments: dict[str, tuple[Tensor, Tensor]] = {}
        self.steps = 0
        self.sums: dict[str, Tensor] = {}
        if sums:
            for name, p in halves.items():
                p.register_post_accumulate_grad_hook(partial(_move_gradient, self.sums, name))

    def gradients(self) -> dict[str, Tensor]:
        """What backward passes have accumulated since the last step, for the parameters that have any."""
        found = {name: self.sums.get(name, p.grad) for name, p in self.parameters.items()}
        return {name: part(g) for name, g in found.items() if g is not None}

    @torch.no_grad()
    def step(self, lr: float) -> float:
        """Clip, update at rate `lr`, drop the gradients. Returns the gradient norm before clipping.

        Nothing is updated when the norm is not finite; the caller sees that in the returned value.
        """
        gradients = self.gradients()
        norms = [torch.linalg.vector_norm(g, dtype=torch.float32) for g in gradients.values()]
        own = float(torch.linalg.vector_norm(torch.stack(norms)))
        norm = math.hypot(*self.processes.gather(own))
        if math.isfinite(norm):
            self.steps += 1
            # What the kernel divides gradients by.
            scale = torch.tensor(max(1.0, (norm + 1e-6) / self.settings.clip), device=norms[0].device)
            for name, gradient in gradients.items():
                self._update(name, gradient, scale, lr)
        self.drop_gradients()
        return norm

    def drop_gradients(self) -> None:
        """Forget what backward passes have accumulated."""
        self.sums.clear()
        for p in self.parameters.values():
            p.grad = None

    def state(self) -> dict[str, Tensor]:
        """Weights, their low bits, both moments and the step count, by name: all that a checkpoint needs.

        Whole arrays at the first process, nothing at the others. All have to call it.
        """
        return {name: tensor for name, tensor in self._arrays() if self.processes.first}

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `state` gave, into the model as well."""
        self.steps = int(tensors["steps"])
        self.moments = {}
        for name, p in self.parameters.items():
            part(p).copy_(part_of(tensors[f"weight/{name}"], p))
            if name in self.low:
                self.low[name].copy_(part_of(tensors[f"low/{name}"], p))
            if f"exp_avg/{name}" in tensors:
                mean, square = (part_of(tensors[f"{moment}/{name}"], p) for moment in ("exp_avg", "exp_avg_sq"))
                self.moments[name] = mean.to(p.device).clone(), square.to(p.device).clone()

    def rehearsal(self) -> "MasterAdamW":
        """Another one with copies of the weights and the same gradients: its step takes as long and changes nothing."""
        copies = {name: Parameter(p.detach().clone()) for name, p in self.parameters.items()}
        twin = MasterAdamW(copies, self.settings, sums=False, processes=self.processes)
        twin.sums = dict(self.gradients())
        return twin

    def _arrays(self) -> Iterator[tuple[str, Tensor]]:
        for name, p in self.parameters.items():
            yield f"weight/{name}", whole(part(p.detach()), p)
            if name in self.low:
                yield f"low/{name}", whole(self.low[name], p)
            for moment, tensor in zip(("exp_avg", "exp_avg_sq"), self.moments.get(name, ()), strict=False):
                yield f"{moment}/{name}", whole(tensor, p)
        yield "steps", torch.tensor(self.steps)

    def _update(self, name: str, gradient: Tensor, scale: Tensor, lr: float) -> None:
        p = part(self.parameters[name])
        if name not in self.moments:
            self.moments[name] = (torch.zeros_like(p, dtype=torch.float32), torch.zeros_like(p, dtype=torch.float32))
        mean, square = self.moments[name]
        step = torch.tensor(float(self.steps), device=p.device)
        weight, low = p.view(-1), self.low[name].view(-1) if name in self.low else None
        size = min(_PIECE, p.numel())
        copies = [torch.empty(size, dtype=torch.float32, device=p.device) for _ in range(3)]
        for start in range(0, p.numel(), _PIECE):
            piece = slice(start, min(start + _PIECE, p.numel()))
            master, slope, spare = (copy[: piece.stop - start] for copy in copies)
            if low is None:
                master = weight[piece]
            else:
                join(weight[piece], low[piece], out=master)
            # PyTorch's AdamW (torch.optim, fused=True) has no entrance for weights that exist a piece at a time.
            torch._fused_adamw_(
                [master],
                [slope.copy_(gradient.view(-1)[piece])],
                [mean.view(-1)[piece]],
                [square.view(-1)[piece]],
                [],
                [step],
                lr=lr,
                beta1=self.settings.betas[0],
                beta2=self.settings.betas[1],
                weight_decay=self.settings.weight_decay if p.ndim >= 2 else 0.0,
                eps=_EPSILON,
                amsgrad=False,
                maximize=False,
                grad_scale=scale,
            )
            if low is not None:
                split(master, weight[piece], low[piece], spare)


def join(weight: Tensor, low: Tensor, out: Tensor) -> None:
    """Write into `out` (float32) the numbers of which `weight` (bfloat16) and `low` (int16) are the halves."""
    out.view(torch.int32).copy_(weight.view(torch.int16)).bitwise_left_shift_(16).add_(low)


def split(master: Tensor, weight: Tensor, low: Tensor, spare: Tensor) -> None:
    """Write `master` (float32, finite) into `weight`, rounded to the nearest bfloat16, and `low`, the rest of its bits.

    Halfway cases round away from zero, because then the rest is in [-2^15, 2^15) and nothing is lost. `master` and
    `spare`, of the same size, are written over.
    """
    bits, upper = master.view(torch.int32), spare.view(torch.int32)
    torch.add(bits, 0x8000, out=upper)
    weight.view(torch.int16).copy_(upper.bitwise_right_shift_(16))
    low.copy_(bits.sub_(upper.bitwise_left_shift_(16)))


def _move_gradient(sums: dict[str, Tensor], name: str, p: Tensor) -> None:
    assert p.grad is not None  # the hook runs after it was made
    if name in sums:
        sums[name].add_(part(p.grad))
    else:
        sums[name] = part(p.grad).float()
    p.grad = None
