"""A question, with the conversation before it, to Evidence: sentences of the articles, scored and ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rag.index import Index
from rag.text import content_stems, fold, names, words
from rag.types import Embedder, Evidence, Kind, Passage

WEIGHTS = {"sentence": 1.0, "context": 0.75, "passage": 0.5, "bm25": 0.5}
"""Weights of the parts of a score, found on the development questions: recall@5 0.85, MRR 0.70 against 0.81, 0.63 for
the sentence's own embedding alone."""
PENALTY: Mapping[Kind, float] = {"text": 0.0, "caption": 0.02, "heading": 0.04}
"""Captions and headings are context: they answer only where no sentence does nearly as well."""
CANDIDATES = 100
TOP_K = 10

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


def retrieve(index: Index, embedder: Embedder, question: str, history: Sequence[str] = ()) -> Retrieved:
    """Return the evidence for a question; `history` holds the user's earlier questions, oldest first.

    A sentence's score is the weighted mean of three cosines (alone, after the sentence before it, its passage's) and
    its BM25 score; a passage's score is that of its best sentence.
    """
    standalone = standalone_question(question, history)
    found = index.search(standalone, embedder.encode([standalone])[0], k=CANDIDATES)
    total = sum(WEIGHTS.values())
    evidence = []
    for row, sentence_id in enumerate(found.ids):
        sentence = index.sentences[sentence_id]
        parts = {part: float(scores[row]) for part, scores in found.parts.items()}
        score = sum(WEIGHTS[part] * value for part, value in parts.items()) / total - PENALTY[sentence.kind]
        evidence.append(Evidence(sentence, score, parts))
    evidence.sort(key=lambda e: (-e.score, e.sentence.article_id, e.sentence.start))
    passages: dict[int, Passage] = {}
    for e in evidence:
        passages.setdefault(e.sentence.passage, replace(index.passages[e.sentence.passage], score=e.score))
    return Retrieved(standalone, tuple(evidence), tuple(passages.values())[:TOP_K])


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
