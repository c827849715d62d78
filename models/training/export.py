"""A trained network and the model it began as, to the small file that ships: a low-rank change in safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file


def export(
    base: Mapping[str, torch.Tensor],
    trained: Mapping[str, torch.Tensor],
    extra: Mapping[str, torch.Tensor],
    path: Path,
    *,
    rank: int,
    share: float,
) -> float:
    """Write `share` (0..1) of the change, matrices cut to `rank` by SVD, as float16; return the share of its energy kept.

    Keeping a share of the change keeps what the base model knew about texts unlike those trained on (WiSE-FT, Wortsman et
    al. 2022).
    """
    tensors: dict[str, torch.Tensor] = {name: value.half().contiguous() for name, value in extra.items()}
    kept = total = 0.0
    for name, after in trained.items():
        change = share * (after.float() - base[name].float())
        if not change.any():
            continue
        if change.ndim == 1:
            tensors[f"{name}|add"] = change.half()
            continue
        u, s, v = torch.linalg.svd(change, full_matrices=False)
        root = s[:rank].sqrt()
        tensors[f"{name}|up"] = (u[:, :rank] * root).half().contiguous()
        tensors[f"{name}|down"] = (root[:, None] * v[:rank]).half().contiguous()
        kept, total = kept + float((s[:rank] ** 2).sum()), total + float((s**2).sum())
    save_file(tensors, path)
    return kept / max(total, 1e-12)
