"""Train the token matcher: MiniLM's last layers, so that a question's tokens lie near those of the sentence that answers it.

python -m models.training.matcher ../shared/data/fairytaleqa                 trains and writes models/token-matcher.*
python -m models.training.matcher ../shared/data/fairytaleqa --steps 5 --out /tmp/x   a smoke run

One step reads one fairy tale and one made story. Every question is ranked over the sentences of its story by late interaction,
as `rag.retriever` does it, and the loss is the log-likelihood of the sentences that answer (listwise softmax). Questions are often
asked in other words. The change of the weights is then scaled down and cut to a low rank (`export`). Two CPU threads need about
twenty minutes.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer

from models.training.export import export
from models.training.paraphrase import paraphrase
from models.training.stories import ANSWERS, DOUBTFUL, Asked, Story, fairytales, made, shuffled
from rag.index import Index, Part, Snapshot, State
from rag.models import embedding_model
from rag.retriever import _STANDS_FOR, CARRIED_OVER, Retriever
from rag.text import fold, names, word_at
from rag.types import Sentence

SEED = 13
LAYERS = (3, 4, 5)
STEPS = 400
RATE, GATE_RATE = 5e-5, 2e-2
WARM_UP = 40
QUESTIONS, SENTENCES = 16, 64
"""Of one story in one step, at most."""
LONGEST, LONGEST_QUESTION = 80, 48
"""Tokens."""
REWORDED = 0.4
MADE_STORIES = 400
RANK, SHARE = 32, 0.7


class Net(nn.Module):
    """MiniLM with its last layers free, and gates that weigh a question's tokens."""

    def __init__(self) -> None:
        super().__init__()
        path = str(embedding_model().path)
        self.tokenizer = AutoTokenizer.from_pretrained(path)
        self.body = AutoModel.from_pretrained(path, attn_implementation="eager", add_pooling_layer=False)
        for module in self.body.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        self.body.requires_grad_(False)
        for layer in LAYERS:
            self.body.encoder.layer[layer].requires_grad_(True)
        width = self.body.config.hidden_size
        self.scale = nn.Parameter(torch.zeros(width))
        self.own = nn.Parameter(torch.zeros(width))
        self.bias = nn.Parameter(torch.tensor(-5.0))
        self.sharpness = nn.Parameter(torch.tensor(14.0))

    def tokens(self, texts: Sequence[str], longest: int) -> tuple[list[torch.Tensor], list[list[tuple[int, int]]]]:
        """Return each text's unit token vectors, shape (tokens, dimension), and the characters they stand for."""
        found = self.tokenizer(list(texts), truncation=True, max_length=longest, return_offsets_mapping=True)
        order = sorted(range(len(texts)), key=lambda i: len(found["input_ids"][i]))
        vectors: list[torch.Tensor] = [torch.empty(0)] * len(texts)
        for start in range(0, len(order), 64):
            rows = order[start : start + 64]
            batch = self.tokenizer.pad({k: [found[k][i] for i in rows] for k in ("input_ids", "attention_mask")}, return_tensors="pt")
            with torch.autocast("cpu", dtype=torch.bfloat16):
                states = self.body(**batch).last_hidden_state
            unit = functional.normalize(states.float(), dim=-1)
            for row, i in enumerate(rows):
                vectors[i] = unit[row, 1 : len(found["input_ids"][i]) - 1]
        return vectors, [[tuple(span) for span in spans[1:-1]] for spans in found["offset_mapping"]]

    def weights(self, vectors: torch.Tensor, rarity: torch.Tensor) -> torch.Tensor:
        """Return the weights of a question's tokens, summing to 1."""
        found = rarity * torch.exp((vectors @ self.scale).clamp(-2, 2)) + functional.softplus(vectors @ self.own + self.bias)
        return found / found.sum()


@dataclass(frozen=True)
class Known:
    """A story with what the retriever knows of its words."""

    story: Story
    retriever: Retriever

    @classmethod
    def of(cls, story: Story) -> Known:
        """Return a story with its words counted; nothing is embedded."""
        index = Index(Snapshot((Part(story.article, story.passages, story.sentences, 0),), {}, State("", "", "", "", {})))
        return cls(story, Retriever(index, None))  # type: ignore[arg-type]

    def words(self, question: str, spans: Sequence[tuple[int, int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return each token's rarity, and whether it belongs to a name."""
        at = [word_at(question, *span) for span in spans]
        called = names(f"x {question}")
        return torch.tensor([self.retriever._weight(word) for word in at]), torch.tensor([fold(word) in called for word in at])


def late_interaction(net: Net, known: Known, questions: Sequence[str], sentences: Sequence[Sentence]) -> torch.Tensor:
    """Return the score of every sentence for every question, shape (questions, sentences), as `rag.retriever` has it."""
    refers = [i for i, s in enumerate(sentences) if s.previous and _STANDS_FOR.search(s.text)]
    texts = list(dict.fromkeys([" ".join(s.text.split()) for s in sentences] + [" ".join(sentences[i].previous.split()) for i in refers]))
    place = {text: i for i, text in enumerate(texts)}
    vectors, _ = net.tokens(texts, LONGEST)
    padded = nn.utils.rnn.pad_sequence(vectors, batch_first=True)
    there = torch.arange(padded.shape[1])[None, :] < torch.tensor([len(v) for v in vectors])[:, None]
    own = torch.tensor([place[" ".join(s.text.split())] for s in sentences])
    before = torch.tensor([place[" ".join(sentences[i].previous.split())] for i in refers], dtype=torch.long)
    asked, spans = net.tokens(questions, LONGEST_QUESTION)
    cosines = torch.cat(asked) @ padded.flatten(0, 1).T  # (all question tokens, texts * tokens)
    nearest = cosines.view(-1, *there.shape).masked_fill(~there, -1.0).amax(-1)  # (all question tokens, texts)
    rows = []
    for question, vectors_, spans_, near in zip(questions, asked, spans, nearest.split([len(v) for v in asked]), strict=True):
        rarity, is_name = known.words(question, spans_)
        mine = near[:, own]
        if refers and is_name.any():
            carried = torch.maximum(mine[:, refers], CARRIED_OVER * near[:, before])
            mine = mine.index_copy(1, torch.tensor(refers), torch.where(is_name[:, None], carried, mine[:, refers]))
        rows.append(net.weights(vectors_, rarity) @ mine)
    return torch.stack(rows)


def loss_of(net: Net, known: Known, rng: random.Random) -> torch.Tensor | None:
    """Return the mean listwise loss of some of a story's questions, or None where no sentence is known to answer any."""
    story = known.story
    asked = [a for a in story.asked if a.sure]
    asked = rng.sample(asked, min(QUESTIONS, len(asked)))
    if not asked:
        return None
    chosen = _sentences(asked, len(story.sentences), rng)
    questions = [paraphrase(a.question, rng) if not story.made and rng.random() < REWORDED else a.question for a in asked]
    scores = net.sharpness * late_interaction(net, known, questions, [story.sentences[i] for i in chosen])
    labels = torch.tensor([[a.labels[i] for i in chosen] for a in asked])
    scores = scores.masked_fill(labels == DOUBTFUL, -1e4)
    right = scores.masked_fill(labels != ANSWERS, -1e4)
    return (torch.logsumexp(scores, 1) - torch.logsumexp(right, 1)).mean()


def _sentences(asked: Sequence[Asked], count: int, rng: random.Random) -> list[int]:
    """Return positions of sentences: those that answer, and a run of others, which share their previous sentences."""
    needed = {i for a in asked for i, label in enumerate(a.labels) if label == ANSWERS}
    start = rng.randrange(count)
    others = [(start + i) % count for i in range(count) if (start + i) % count not in needed]
    return sorted([*needed, *others[: max(0, SENTENCES - len(needed))]])


def train(net: Net, tales: Sequence[Story], invented: Sequence[Story], steps: int) -> None:
    """Train a net in place."""
    rng = random.Random(SEED)
    body = [p for p in net.body.parameters() if p.requires_grad]
    groups = [
        {"params": body, "lr": RATE},
        {"params": [net.scale, net.own, net.bias], "lr": GATE_RATE},
        {"params": [net.sharpness], "lr": 0.1},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda i: min(1.0, (i + 1) / WARM_UP) * max(0.03, 1 - i / steps))
    sources = [shuffled([Known.of(story) for story in kind], rng) for kind in (tales, invented)]  # type: ignore[misc, arg-type]
    started, recent = time.perf_counter(), []
    for step in range(steps):
        losses = [loss for source in sources if (loss := loss_of(net, next(source), rng)) is not None]  # type: ignore[arg-type]
        loss = torch.stack(losses).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(body, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
        recent.append(float(loss.detach()))
        if step % 20 == 19:
            print(f"step {step + 1} of {steps}, {time.perf_counter() - started:.0f} s, loss {np.mean(recent[-60:]):.3f}", flush=True)


@torch.no_grad()
def ranks(net: Net, stories: Sequence[Story], per_story: int = 20) -> list[int]:
    """Return the rank of the first sentence that answers, for up to so many questions of each story, by late interaction alone."""
    found = []
    for known in map(Known.of, stories):
        asked = [a for a in known.story.asked if a.sure]
        asked = asked[:: max(1, len(asked) // per_story)]
        if asked:
            scores = late_interaction(net, known, [a.question for a in asked], known.story.sentences)
            for a, row in zip(asked, scores, strict=True):
                best = max(float(row[i]) for i, label in enumerate(a.labels) if label == ANSWERS)
                found.append(1 + sum(float(row[i]) > best for i, label in enumerate(a.labels) if label != ANSWERS))
    return found


def report(net: Net, sets: dict[str, Sequence[Story]]) -> None:
    """Print recall and mean reciprocal rank on held-out stories."""
    for name, stories in sets.items():
        found = np.array(ranks(net, stories))
        recall = ", ".join(f"recall@{k} {(found <= k).mean():.3f}" for k in (1, 5))
        print(f"{name}: {recall}, MRR {(1 / found).mean():.3f} on {len(found)} questions", flush=True)


def main() -> None:
    """Train, report and write the part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of FairytaleQA's train.jsonl and validation.jsonl")
    parser.add_argument("--out", type=Path, default=Path("models/token-matcher.safetensors"))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--share", type=float, default=SHARE)
    parser.add_argument("--keep", type=Path, help="also save the whole network here, to export again with another share")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(SEED)
    net = Net()
    base = {name: value.clone() for name, value in net.body.state_dict().items()}
    sets = {"FairytaleQA validation": fairytales(options.data / "validation.jsonl"), "made, held out": list(made(25, SEED + 1))}
    report(net, sets)
    train(net, fairytales(options.data / "train.jsonl"), list(made(MADE_STORIES, SEED)), options.steps)
    report(net, sets)
    if options.keep:
        torch.save(net.state_dict(), options.keep)
    gates = {"scale": options.share * net.scale.detach(), "own": options.share * net.own.detach(), "bias": net.bias.detach().reshape(1)}
    energy = export(base, net.body.state_dict(), gates, options.out, rank=RANK, share=options.share)
    print(f"{options.out}: rank {RANK} keeps {energy:.0%} of the change's energy. Put its SHA-256 into the model card.")


if __name__ == "__main__":
    main()
