"""Train a LoRA for the bundled SmolLM2-135M on the very prompts of `rag.prompts`, and write it as a GGUF adapter.

python -m models.training.reader FAIRYTALEQA                                   needs a GPU
python -m models.training.reader FAIRYTALEQA --steps 2 --batch 2 --stories 3   a smoke run, on a CPU too

FAIRYTALEQA is a folder with `train.jsonl`, in the shape that `tests/benchmarks/fairytaleqa.py` describes. The base is the bundled
GGUF, turned back into floating point by transformers, so that the adapter is trained on what it will run with. Only the reply
counts in the loss. At the end base and adapter together are run by transformers and by llama.cpp: the logits should be the
same, but for rounding. Needs `pip install -e ".[train]"`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gguf
import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from models.training.examples import Example, examples
from models.training.generate import stories
from models.training.tales import fairytales
from rag.models import reader_model

SEED = 13
RANK, ALPHA = 16, 32
STEPS, BATCH, RATE, WARM_UP = 1500, 16, 2e-4, 50
MODULES = {
    "q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output",
    "gate_proj": "ffn_gate", "up_proj": "ffn_up", "down_proj": "ffn_down",
}  # fmt: skip


def bundled() -> Path:
    """Return the path of the bundled GGUF, whatever other models `models/` holds."""
    return reader_model(models_dir=Path(__file__).parent).path


def base_model() -> tuple[Any, Any]:
    """Return tokenizer and model of the bundled GGUF, in float32."""
    path = bundled()
    tokenizer = AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name)
    model = AutoModelForCausalLM.from_pretrained(str(path.parent), gguf_file=path.name, dtype=torch.float32)
    return tokenizer, model


def with_adapter(model: Any) -> Any:
    """Return a model with a fresh adapter, the only part of it that learns."""
    return get_peft_model(model, LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=list(MODULES), task_type="CAUSAL_LM"))


def encode(tokenizer: Any, example: Example, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return token ids and labels (-100 where no loss is taken), each of shape (1, tokens)."""
    prompt = tokenizer.apply_chat_template(example.messages, add_generation_prompt=True, tokenize=False)
    before = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    after = tokenizer(f"{example.reply}<|im_end|>", add_special_tokens=False)["input_ids"]
    ids = torch.tensor([before + after], device=device)
    return ids, torch.tensor([[-100] * len(before) + after], device=device)


def train(model: Any, tokenizer: Any, data: Sequence[Example], steps: int, batch: int, device: str) -> None:
    """Train the adapter in place: AdamW, linear decay, bfloat16 on a GPU."""
    free = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(free, lr=RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda i: min(1.0, (i + 1) / WARM_UP) * max(0.02, 1 - i / steps))
    started, recent = time.perf_counter(), []
    for step in range(steps):
        for i in range(batch):
            ids, labels = encode(tokenizer, data[(step * batch + i) % len(data)], device)
            with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
                loss = model(input_ids=ids, labels=labels).loss / batch
            loss.backward()
            recent.append(float(loss.detach()) * batch)
        torch.nn.utils.clip_grad_norm_(free, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
        print(f"step {step + 1} of {steps}, {time.perf_counter() - started:.0f} s, loss {np.mean(recent[-200:]):.3f}", flush=True)


def write_adapter(model: Any, path: Path) -> None:
    """Write the adapter as GGUF: llama.cpp keeps the rows of q and k in another order, so those of B are reordered."""
    config = model.config
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(ALPHA))
    for name, value in model.state_dict().items():
        if ".lora_" not in name:
            continue
        parts = name.split(".")
        layer, target = parts[parts.index("layers") + 1], MODULES[next(p for p in parts if p in MODULES)]
        array = value.detach().float().cpu().numpy().astype(np.float16)
        side = "lora_a" if ".lora_A." in name else "lora_b"
        if side == "lora_b" and target in heads:
            array = _reordered(array, heads[target])
        writer.add_tensor(f"blk.{layer}.{target}.weight.{side}", np.ascontiguousarray(array))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _reordered(rows: np.ndarray, heads: int) -> np.ndarray:
    """Return rows with each head's two halves interleaved, as llama.cpp's rotary embedding wants them."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


class Agreement(NamedTuple):
    """How far llama.cpp's logits after a prompt are from transformers', and how far the adapter moves them; in spreads of the logits."""

    difference: float
    effect: float


def agreement(model: Any, tokenizer: Any, adapter: Path, example: Example) -> Agreement:
    """Return how well an adapter, once written, does in llama.cpp what it does here, by the root mean square over all tokens."""
    from llama_cpp import Llama

    from rag.reader import _without_amx

    ids, _ = encode(tokenizer, example, "cpu")
    with torch.no_grad():
        ours = _centred(model(input_ids=ids).logits[0, -1].float().numpy())
        with model.disable_adapter():
            base = _centred(model(input_ids=ids).logits[0, -1].float().numpy())
    with _without_amx():
        llama = Llama(str(bundled()), lora_path=str(adapter), n_ctx=ids.shape[1], logits_all=True, verbose=False)
    llama.eval(ids[0].tolist())
    theirs = _centred(np.array(llama.scores[ids.shape[1] - 1]))
    llama.close()
    return Agreement(float((theirs - ours).std() / ours.std()), float((base - ours).std() / ours.std()))


def _centred(logits: np.ndarray) -> np.ndarray:
    return logits - logits.mean()


def main() -> None:
    """Train, write and check the adapter."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of FairytaleQA's train.jsonl")
    parser.add_argument(
        "--out", type=Path, default=Path("models/training/reader.lora"), help="adapter to write; models/*.gguf are whole models"
    )
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--stories", type=int, default=600, help="so many fairy tales (there are 232) and made stories at most")
    options = parser.parse_args()
    torch.manual_seed(SEED)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer, model = base_model()
    model = with_adapter(model).to(device)
    data = examples(fairytales(options.data / "train.jsonl", options.stories), stories(options.stories, SEED), SEED)
    print(f"{len(data):,} examples; for instance {data[0].messages[-1]['content']!r} -> {data[0].reply!r}")
    train(model, tokenizer, data, options.steps, options.batch, device)
    model = model.to("cpu").eval()
    write_adapter(model, options.out)
    found = agreement(model, tokenizer, options.out, data[0])
    print(f"{options.out}: moves logits by {found.effect:.3f} of their spread; llama.cpp is {found.difference:.3f} off")


if __name__ == "__main__":
    main()
