"""AdamW on float32 weights, whatever the model computes in.

A bfloat16 weight has 8 bits: at a learning rate of 1e-4 most updates round to nothing. So the optimiser
keeps float32 masters where the model is bfloat16, and the model's own weights where it is float32.
Gradients of such weights are moved to the masters as soon as a backward pass has made them, because a sum
over micro-batches in bfloat16 would lose the small ones.
"""

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor
from torch.nn import Parameter

from stillhouse.distill.config import OptimizerSettings

__all__ = ["MasterAdamW"]


class MasterAdamW:
    """Fused AdamW over `parameters` (name -> trainable parameter). Decay applies to matrices only."""

    def __init__(self, parameters: Mapping[str, Parameter], settings: OptimizerSettings) -> None:
        self.parameters = dict(parameters)
        self.masters = {
            name: p if p.dtype == torch.float32 else Parameter(p.detach().float()) for name, p in parameters.items()
        }
        for name, p in self.parameters.items():
            if self.masters[name] is not p:
                p.register_post_accumulate_grad_hook(partial(_move_gradient, self.masters[name]))
        self.clip = settings.clip
        matrices = [m for m in self.masters.values() if m.ndim >= 2]
        others = [m for m in self.masters.values() if m.ndim < 2]
        groups = [{"params": matrices, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
        self.adamw = torch.optim.AdamW(
            [g for g in groups if g["params"]], lr=settings.lr, betas=settings.betas, fused=True
        )

    def step(self, lr: float) -> float:
        """Clip, update at rate `lr`, drop the gradients. Returns the gradient norm before clipping.

        Nothing is updated when the norm is not finite; the caller sees that in the returned value.
        """
        norm = float(torch.nn.utils.clip_grad_norm_(list(self.masters.values()), self.clip))
        if norm == norm and norm not in (float("inf"), float("-inf")):
            for group in self.adamw.param_groups:
                group["lr"] = lr
            self.adamw.step()
            self._write_back()
        self.drop_gradients()
        return norm

    def drop_gradients(self) -> None:
        """Forget what backward passes have accumulated."""
        self.adamw.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Tensor]:
        """Masters, both moments and the step count, by name: all that a checkpoint needs."""
        tensors = {f"weight/{name}": m.detach() for name, m in self.masters.items()}
        for name, master in self.masters.items():
            for key, value in self.adamw.state.get(master, {}).items():
                tensors[f"{key}/{name}"] = value
        return tensors

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `state` gave, into the model as well."""
        for name, master in self.masters.items():
            master.copy_(tensors[f"weight/{name}"])
            kept = {
                key: tensors[f"{key}/{name}"] for key in ("step", "exp_avg", "exp_avg_sq") if f"{key}/{name}" in tensors
            }
            self.adamw.state.pop(master, None)
            if kept:
                self.adamw.state[master] = {k: v.to(master.device).clone() for k, v in kept.items()}
        self._write_back()

    @torch.no_grad()
    def _write_back(self) -> None:
        for name, p in self.parameters.items():
            if self.masters[name] is not p:
                p.copy_(self.masters[name])


def _move_gradient(master: Parameter, p: Tensor) -> None:
    assert p.grad is not None  # the hook runs after it was made
    master.grad = p.grad.float() if master.grad is None else master.grad.add_(p.grad)
    p.grad = None
