"""A question, with the conversation before it, to Evidence: sentences of the articles, scored and ranked."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rag import hops
from rag.focus import focus
from rag.index import Index
from rag.questions import Asked, asked_for, deed, fits, performers
from rag.text import STOPWORDS, content_stems, fold, names, word_at, words
from rag.types import Embedder, Evidence, Kind, Passage, Sentence, TokenVectors, Vectors

WEIGHTS = {"tokens": 2.0, "sentence": 0.5, "context": 0.5, "passage": 0.25, "bm25": 0.25}
"""Weights of the parts of a score; the ablation in README says what each is worth."""
PENALTY: Mapping[Kind, float] = {"text": 0.0, "caption": 0.015, "heading": 0.03}
"""Captions and headings are context: they answer only where no sentence does nearly as well."""
CANDIDATES = 64
"""Sentences of each first search."""
RESCORED = 64
"""Sentences, the best of all first searches together, that are scored token by token: what takes longest in a large corpus."""
SAID_BEFORE = 0.3
"""A word of the conversation before counts this much beside a word of the question that leans on it."""
TOP_K = 10
DEED_WITHIN = 5
"""Sentences, best first, among which a deed that is asked about is looked for."""
FOCUSED = 10
"""Sentences, best first, of which the part that the question is about is found."""
CACHED_SENTENCES = 2048
READ_AHEAD = 512
"""Sentences of a corpus that are all read before the first question; some seconds of a processor."""
ASKED_WEIGHTS: Mapping[Asked, float] = {
    "performer": 0.4,
    "definition": 0.4,
    "person": 0.1,
    "number": 0.2,
    "time": 0.2,
    "reason": 0.1,
    "other": 0.0,
}
"""What holding the kind of thing asked for adds, on the scale of WEIGHTS."""
LEAST_RARITY = 0.3
CARRIED_OVER = 0.8
"""A name in the sentence before counts this much in a sentence that has a pronoun for somebody."""

_STANDS_FOR = re.compile(r"\b(?:he|she|it|they|him|her|them|his|hers|its|theirs?)\b", re.IGNORECASE)
_PRONOUNS = frozenset("he she it they him her them his hers its their theirs this that these those there one".split())
_OPENERS = ("and ", "but ", "so ", "then ", "what about", "how about", "why?", "how?", "who?", "when?", "where?")


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What a search found: evidence and passages, best first.

    `asked` is the question as it was put, `question` the standalone one that was searched for.
    """

    asked: str
    question: str
    evidence: tuple[Evidence, ...]
    passages: tuple[Passage, ...]
    deed: float = 1.0
    """The highest cosine in -1..1 of what the question asks who did it with any token of the best evidence; 1 where it asks for none."""

    def of_article(self, article_id: str) -> tuple[Evidence, ...]:
        """Return one article's evidence, best first."""
        return tuple(e for e in self.evidence if e.sentence.article_id == article_id)

    @property
    def article_ids(self) -> tuple[str, ...]:
        """Return the articles that have evidence, the one with the best first."""
        return tuple(dict.fromkeys(e.sentence.article_id for e in self.evidence))


class Retriever:
    """Finds evidence in one index. Token vectors of the sentences seen last are kept in memory."""

    def __init__(self, index: Index, embedder: Embedder) -> None:
        self.index = index
        self._embedder = embedder
        self._tokens: OrderedDict[str, TokenVectors] = OrderedDict()
        self._credits: list[Sentence] | None = None

    def retrieve(self, question: str, history: Sequence[str] = ()) -> Retrieved:
        """Return the evidence for a question; `history` holds the user's earlier questions, oldest first.

        A sentence's score is the weighted mean of its late interaction with the question ("tokens"), three cosines (alone,
        after the sentence before it, its passage's) and its BM25 score; a passage's score is that of its best sentence.
        """
        standalone = standalone_question(question, history)
        # a follow-up is looked for by itself and together with the question it leans on
        vector = self._embedder.encode([question, standalone]).mean(axis=0)
        found = self.index.search(standalone, vector / np.linalg.norm(vector), k=CANDIDATES).best(WEIGHTS, RESCORED)
        sentences = [self.index.sentences[i] for i in found.ids]
        before = len(standalone) - len(question)  # characters of what was said before
        parts = {**found.parts, "tokens": self._late_interaction(standalone, sentences, before)}
        asked = asked_for(question)
        evidence = []
        for row, sentence in enumerate(sentences):
            values = {part: float(scores[row]) for part, scores in parts.items()}
            total = sum(WEIGHTS[part] * value for part, value in values.items())
            total += ASKED_WEIGHTS[asked] * fits(asked, question if asked == "definition" else standalone, sentence.text, sentence.previous)
            evidence.append(Evidence(sentence, total / sum(WEIGHTS.values()) - PENALTY[sentence.kind], values))
        evidence.sort(key=lambda e: (-e.score, e.sentence.article_id, e.sentence.start))
        evidence[:FOCUSED] = self._focused(standalone, evidence[:FOCUSED], before)
        passages: dict[int, Passage] = {}
        for e in evidence:
            passages.setdefault(e.sentence.passage, replace(self.index.passages[e.sentence.passage], score=e.score))
        nearest = [e.sentence.text for e in evidence[:DEED_WITHIN]]
        return Retrieved(question, standalone, tuple(evidence), tuple(passages.values())[:TOP_K], self._deed(question, nearest))

    def warm_up(self) -> None:
        """Read the token vectors of a small corpus' sentences now, so that its first questions need not wait."""
        if len(self.index.sentences) <= READ_AHEAD:
            self._text_tokens([sentence.text for sentence in self.index.sentences])

    def second_step(self, found: Retrieved) -> tuple[list[Evidence], list[Evidence]]:
        """Return what the best evidence leads to: sentences that belong to it, and sentences that stand for themselves."""
        best = found.evidence[0]
        next_to = hops.neighbour(found.question, best, self.index.of_article(best.sentence.article_id))
        cast = hops.cast(found.question, best, self._credits_from(best.sentence.article_id))
        before = len(found.question) - len(found.asked)
        belongs = [Evidence(next_to, best.score)] if next_to else []
        stands = [Evidence(sentence, best.score) for sentence in cast]
        return self._focused(found.question, belongs, before), self._focused(found.question, stands, before)

    def _credits_from(self, article_id: str) -> Iterator[Sentence]:
        """Yield the sentences that name performers, those of one article first; looked for when the first is asked for."""
        if self._credits is None:
            self._credits = [s for s in self.index.sentences if "(" in s.text and performers(s.text)]
        yield from sorted(self._credits, key=lambda s: s.article_id != article_id)

    def _late_interaction(self, question: str, sentences: Sequence[Sentence], before: int) -> Vectors:
        """Return MaxSim of the question with each sentence, in -1..1 (Khattab & Zaharia 2020, ColBERT).

        Each token of the question finds its nearest token in the sentence; the mean of those cosines is weighted by how
        rare the token's word is in the corpus, so that the word that matters decides. Stopwords have no weight. A name may
        also be found in the sentence before, where a pronoun may stand for it.
        """
        asked = self._text_tokens([question])[0]
        at = [word_at(question, start, end) for start, end in asked.spans]
        weights = self._weights(question, asked, before)
        called = names(f"x {question}")  # the first word too; a question word has no weight anyway
        is_name = np.array([fold(word) in called for word in at])
        near = self._nearest(asked, [s.text for s in sentences])
        refers = [i for i, s in enumerate(sentences) if is_name.any() and s.previous and _STANDS_FOR.search(s.text)]
        for i, carried in zip(refers, self._nearest(asked, [sentences[i].previous for i in refers]), strict=True):
            near[i] = np.where(is_name, np.maximum(near[i], CARRIED_OVER * carried), near[i])
        return np.array([weights @ cosines for cosines in near], dtype=np.float32)

    def _deed(self, question: str, texts: Sequence[str]) -> float:
        span = deed(question)
        if not span or not texts:
            return 1.0
        asked = self._text_tokens([question])[0]
        rows = [i for i, (start, end) in enumerate(asked.spans) if span[0] <= start and end <= span[1]]
        return max((float(near[rows].max()) for near in self._nearest(asked, texts)), default=1.0) if rows else 1.0

    def _nearest(self, asked: TokenVectors, texts: Sequence[str]) -> list[Vectors]:
        """Return, for each text, the highest cosine of each of the question's tokens with any of the text's."""
        return [(asked.vectors @ tokens.vectors.T).max(axis=1) for tokens in self._text_tokens(texts)]

    def _focused(self, question: str, evidence: Sequence[Evidence], before: int) -> list[Evidence]:
        """Return evidence with the part of each sentence that the question is about."""
        asked = self._text_tokens([question])[0]
        weights = self._weights(question, asked, before)
        found = []
        for e, tokens in zip(evidence, self._text_tokens([e.sentence.text for e in evidence]), strict=True):
            start, end = focus(e.sentence.text, tokens, asked.vectors, weights)
            found.append(replace(e, focus=(e.sentence.start + start, e.sentence.start + end)))
        return found

    def _weights(self, question: str, asked: TokenVectors, before: int) -> Vectors:
        """Return one weight a token of the question, summing to 1; what was said `before` that character counts less."""
        weights = np.array([self._weight(word_at(question, start, end)) for start, end in asked.spans], dtype=np.float32)
        weights *= [SAID_BEFORE if start < before else 1.0 for start, _ in asked.spans]
        weights = weights if weights.any() else np.ones(len(asked.spans), np.float32)
        return np.asarray(weights / weights.sum(), dtype=np.float32)

    def _weight(self, word: str) -> float:
        folded = fold(word).replace("'", "")
        if not folded or folded in STOPWORDS:
            return 0.0
        return max(self.index.rarity(word), LEAST_RARITY)

    def _text_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        missing = [text for text in dict.fromkeys(texts) if text not in self._tokens]
        fresh = self._embedder.encode_tokens(missing) if missing else []
        known = {t: tokens for t in texts if (tokens := self._tokens.get(t)) is not None} | dict(zip(missing, fresh, strict=True))
        for text, tokens in known.items():
            self._tokens[text] = tokens
            self._tokens.move_to_end(text)
        while len(self._tokens) > CACHED_SENTENCES:
            self._tokens.popitem(last=False)
        return [known[text] for text in texts]


def standalone_question(question: str, history: Sequence[str]) -> str:
    """Return a question that makes sense without the conversation; it ends with the question as it was put.

    A question that leans on the one before it (it opens like a continuation, has a pronoun and names nobody, or hardly
    says anything) is searched for together with it.
    """
    return f"{history[-1]} {question}" if history and _leans_back(question) else question


def _leans_back(question: str) -> bool:
    folded = fold(question)
    pronoun = any(fold(word) in _PRONOUNS for word in words(question))
    return folded.startswith(_OPENERS) or (pronoun and not names(question)) or len(content_stems(question)) < 2
