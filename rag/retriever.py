"""A question, with the conversation before it, to Evidence: sentences of the articles, scored and ranked."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rag.index import Index
from rag.text import STOPWORDS, content_stems, fold, names, word_at, words
from rag.types import Embedder, Evidence, Kind, Passage, Sentence, TokenVectors, Vectors

WEIGHTS = {"tokens": 2.0, "sentence": 0.5, "context": 0.5, "passage": 0.25, "bm25": 0.25}
"""Weights of the parts of a score; the ablation in README says what each is worth."""
PENALTY: Mapping[Kind, float] = {"text": 0.0, "caption": 0.015, "heading": 0.03}
"""Captions and headings are context: they answer only where no sentence does nearly as well."""
CANDIDATES = 64
"""Sentences of each first search that are scored token by token."""
TOP_K = 10
CACHED_SENTENCES = 2048
_LEAST_WEIGHT = 0.3

_PRONOUNS = frozenset("he she it they him her them his hers its their theirs this that these those there one".split())
_OPENERS = ("and ", "but ", "so ", "then ", "what about", "how about", "why?", "how?", "who?", "when?", "where?")


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What a search found: `question` is the standalone one that was searched for; evidence and passages, best first."""

    question: str
    evidence: tuple[Evidence, ...]
    passages: tuple[Passage, ...]

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
        self._tokens: OrderedDict[Sentence, TokenVectors] = OrderedDict()

    def retrieve(self, question: str, history: Sequence[str] = ()) -> Retrieved:
        """Return the evidence for a question; `history` holds the user's earlier questions, oldest first.

        A sentence's score is the weighted mean of its late interaction with the question ("tokens"), three cosines (alone,
        after the sentence before it, its passage's) and its BM25 score; a passage's score is that of its best sentence.
        """
        standalone = standalone_question(question, history)
        found = self.index.search(standalone, self._embedder.encode([standalone])[0], k=CANDIDATES)
        sentences = [self.index.sentences[i] for i in found.ids]
        parts = {**found.parts, "tokens": self._late_interaction(standalone, sentences)}
        evidence = []
        for row, sentence in enumerate(sentences):
            values = {part: float(scores[row]) for part, scores in parts.items()}
            score = sum(WEIGHTS[part] * value for part, value in values.items()) / sum(WEIGHTS.values())
            evidence.append(Evidence(sentence, score - PENALTY[sentence.kind], values))
        evidence.sort(key=lambda e: (-e.score, e.sentence.article_id, e.sentence.start))
        passages: dict[int, Passage] = {}
        for e in evidence:
            passages.setdefault(e.sentence.passage, replace(self.index.passages[e.sentence.passage], score=e.score))
        return Retrieved(standalone, tuple(evidence), tuple(passages.values())[:TOP_K])

    def _late_interaction(self, question: str, sentences: Sequence[Sentence]) -> Vectors:
        """Return MaxSim of the question with each sentence, in -1..1 (Khattab & Zaharia 2020, ColBERT).

        Each token of the question finds its nearest token in the sentence; the mean of those cosines is weighted by how
        rare the token's word is in the corpus, so that the word that matters decides. Stopwords have no weight.
        """
        asked = self._embedder.encode_tokens([question])[0]
        weights = np.array([self._weight(word_at(question, start, end)) for start, end in asked.spans], dtype=np.float32)
        if not weights.any():
            weights = np.ones(len(asked.spans), np.float32)
        weights /= weights.sum()
        scores = [float(weights @ (asked.vectors @ tokens.vectors.T).max(axis=1)) for tokens in self._sentence_tokens(sentences)]
        return np.array(scores, dtype=np.float32)

    def _weight(self, word: str) -> float:
        folded = fold(word).replace("'", "")
        return 0.0 if not folded or folded in STOPWORDS else max(self.index.rarity(word), _LEAST_WEIGHT)

    def _sentence_tokens(self, sentences: Sequence[Sentence]) -> list[TokenVectors]:
        missing = [s for s in dict.fromkeys(sentences) if s not in self._tokens]
        fresh = self._embedder.encode_tokens([" ".join(s.text.split()) for s in missing]) if missing else []
        known = {s: tokens for s in sentences if (tokens := self._tokens.get(s)) is not None} | dict(zip(missing, fresh, strict=True))
        for sentence, tokens in known.items():
            self._tokens[sentence] = tokens
            self._tokens.move_to_end(sentence)
        while len(self._tokens) > CACHED_SENTENCES:
            self._tokens.popitem(last=False)
        return [known[s] for s in sentences]


def standalone_question(question: str, history: Sequence[str]) -> str:
    """Return a question that makes sense without the conversation.

    A question that leans on the one before it (it opens like a continuation, or has a pronoun and names nobody) is
    searched for together with it.
    """
    if not history or not _leans_back(question):
        return question
    return f"{history[-1]} {question}"


def _leans_back(question: str) -> bool:
    folded = fold(question)
    pronoun = any(fold(word) in _PRONOUNS for word in words(question))
    return folded.startswith(_OPENERS) or (pronoun and not names(question)) or len(content_stems(question)) < 2
