"""The network that is trained: the bundled MiniLM reading two texts together, with a linear head on what it made of them."""
from __future__ import annotations
import torch
from torch import nn
from transformers import AutoModel, AutoTokenizer
from rag.models import embedding_model

LAYERS = (2, 3, 4, 5)
MAX_TOKENS = 128

class Net(nn.Module):
    def __init__(self, outputs: int = 1, layers=LAYERS, hidden=0) -> None:
        super().__init__()
        path = str(embedding_model().path)
        self.tokenizer = AutoTokenizer.from_pretrained(path)
        self.body = AutoModel.from_pretrained(path, attn_implementation="eager", add_pooling_layer=False)
        for m in self.body.modules():
            if isinstance(m, nn.Dropout): m.p = 0.0
        self.body.requires_grad_(False)
        for i in layers: self.body.encoder.layer[i].requires_grad_(True)
        self.head = nn.Linear(4 * 384, outputs)
        nn.init.zeros_(self.head.weight); nn.init.zeros_(self.head.bias)
        self.kappa = nn.Parameter(torch.tensor(12.0))

    def tokens(self, pairs):
        return self.tokenizer([a for a, _ in pairs], [b for _, b in pairs], truncation="only_second", max_length=MAX_TOKENS, padding=True, return_tensors="pt")

    def forward(self, batch):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            h = self.body(**batch).last_hidden_state
        h = h.float()
        t = batch["token_type_ids"]; a = batch["attention_mask"]
        q = mean(h, a * (1 - t)); s = mean(h, a * t)
        return self.head(torch.cat([h[:, 0], q, s, q * s * 4], 1))

def mean(h, m):
    m = m.unsqueeze(-1).float()
    return (h * m).sum(1) / m.sum(1).clamp(min=1)

def tail(text, n):
    text = text.strip()
    return text if len(text) <= n else text[-n:].partition(" ")[2]

def text_of(section, previous, text):
    return f"{section[:80]} {tail(previous,160)}".strip() + " [SEP] " + text[:420]
