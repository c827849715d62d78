"""Train a LoRA for the bundled SmolLM2-135M on the very prompts of `rag.prompts`, and write it as a GGUF adapter.

python -m models.training.reader ../shared/data/fairytaleqa                         needs a GPU: 10 to 20 minutes
python -m models.training.reader ../shared/data/fairytaleqa --steps 3 --out /tmp/x   a smoke run, on a CPU too

The base is the bundled GGUF, turned back into floating point by transformers, so that the adapter is trained on what it will run
with. Only the reply counts in the loss. The adapter is checked at the end: base and adapter together must give nearly the same
logits in transformers and in llama.cpp. Needs `peft` and `gguf` beside what Footnote installs.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from models.training import generate
from models.training.paraphrase import statement
from models.training.stories import ANSWERS, Story, fairytales
from rag import prompts
from rag.models import reader_model
from rag.verifier import SUPPORT_FLOOR, verify

SEED = 13
RANK, ALPHA = 16, 32
STEPS, BATCH, RATE, WARM_UP = 1500, 16, 2e-4, 50
MOST_SENTENCES = 3
REFUSALS = 0.15
MODULES = {
    "q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output",
    "gate_proj": "ffn_gate", "up_proj": "ffn_up", "down_proj": "ffn_down",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Example:
    """A conversation as `rag.prompts` writes it, and the reply to learn."""

    messages: list[dict[str, str]]
    reply: str


def examples(tales: Sequence[Story], count: int, seed: int = SEED) -> list[Example]:
    """Return examples from fairy tales and from so many made stories, shuffled."""
    rng = random.Random(seed)
    found = [*_of_tales(tales, rng), *_of_made(count, rng)]
    rng.shuffle(found)
    return found


def _of_tales(tales: Sequence[Story], rng: random.Random) -> Iterator[Example]:
    for story in tales:
        texts = [s.text for s in story.sentences]
        for asked in story.asked:
            if asked.sure and asked.answers:
                right = texts[asked.labels.index(ANSWERS)]
                others = [text for text, label in zip(texts, asked.labels, strict=True) if label == 0]
                reply = statement(asked.question, asked.answers[0])
                if passes(reply, right, asked.question):
                    yield _example(asked.question, right, others, reply, rng)


def _of_made(count: int, rng: random.Random) -> Iterator[Example]:
    for story in generate.stories(count, SEED):
        for told in story.told:
            if passes(told.reply, told.cited[-1], told.question, context=told.cited[0]):
                yield _example(told.question, told.cited[-1], [s for s in story.sentences if s not in told.cited], told.reply, rng)


def passes(claim: str, cited: str, question: str, *, context: str = "") -> bool:
    """Tell whether the verifier would show a reply; none is taught that it would not."""
    return verify(claim, cited, question=question, context=context).support >= SUPPORT_FLOOR


def _example(question: str, right: str, others: Sequence[str], answer: str, rng: random.Random) -> Example:
    """Return one example; now and then the sentence that answers is left out, and the reply refuses."""
    shown = rng.sample(others, min(len(others), rng.randrange(MOST_SENTENCES)))
    if shown and rng.random() < REFUSALS:
        return Example(prompts.read_messages(question, shown), prompts.REFUSAL)
    place = rng.randint(0, len(shown))
    shown.insert(place, right)
    return Example(prompts.read_messages(question, shown), f"[{place + 1}] {answer}")


def base_model() -> tuple[Any, Any]:
    """Return tokenizer and model of the bundled GGUF, in float32."""
    path = reader_model().path
    tokenizer = AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name)
    model = AutoModelForCausalLM.from_pretrained(str(path.parent), gguf_file=path.name, dtype=torch.float32)
    return tokenizer, model


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
        array = value.detach().float().cpu().numpy()
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


def greatest_difference(model: Any, tokenizer: Any, adapter: Path, example: Example) -> float:
    """Return the greatest difference between transformers' and llama.cpp's logits after a prompt, over their spread."""
    from llama_cpp import Llama

    from rag.reader import _without_amx

    ids, _ = encode(tokenizer, example, "cpu")
    with torch.no_grad():
        ours = model(input_ids=ids).logits[0, -1].float().numpy()
    with _without_amx():
        llama = Llama(str(reader_model().path), lora_path=str(adapter), n_ctx=2048, logits_all=True, verbose=False)
    llama.eval(ids[0].tolist())
    theirs = np.array(llama.scores[ids.shape[1] - 1])
    return float(np.abs((ours - ours.mean()) - (theirs - theirs.mean())).max() / ours.std())


def main() -> None:
    """Train, write and check the adapter."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of FairytaleQA's train.jsonl")
    parser.add_argument("--out", type=Path, default=Path("models/reader-lora.gguf"))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--made", type=int, default=600, help="made stories to learn from")
    options = parser.parse_args()
    torch.manual_seed(SEED)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer, model = base_model()
    modules = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=list(MODULES), task_type="CAUSAL_LM")
    model = get_peft_model(model, modules).to(device)
    data = examples(fairytales(options.data / "train.jsonl"), options.made)
    print(f"{len(data):,} examples; for instance {data[0].messages[-1]['content']!r} -> {data[0].reply!r}")
    train(model, tokenizer, data, options.steps, options.batch, device)
    model = model.to("cpu").eval()
    write_adapter(model, options.out)
    print(f"{options.out}: logits differ by {greatest_difference(model, tokenizer, options.out, data[0]):.3f} of their spread at most")


if __name__ == "__main__":
    main()
