"""One frozen dataclass per concept, from an article to the answer that cites it, and the protocols a model must meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Keys = npt.NDArray[np.int64]
Kind = Literal["text", "caption", "heading"]
Verdict = Literal["supported", "quoted"]
Stage = Literal["search", "read", "check", "claim", "done"]


@dataclass(frozen=True, slots=True)
class Article:
    """A source document. `text` is what every span refers to: 0-based, end-exclusive characters."""

    id: str
    title: str
    text: str
    publisher: str = ""
    date: str = ""
    url: str = ""
    edition: str = ""

    @property
    def name(self) -> str:
        """How a person would call the source: its publisher, or its title where that is short, or its id."""
        return self.publisher or (self.title if len(self.title) <= 40 else self.id)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A span of one article that can serve as evidence, with the context it needs to be understood.

    `section` is the heading above it, `previous` the sentence before it in the same section ("" for the first),
    and `passage` the position of the passage that holds it.
    """

    article_id: str
    start: int
    end: int
    text: str
    section: str = ""
    previous: str = ""
    kind: Kind = "text"
    passage: int = 0


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk of one article, cut at sentence ends. `score` is 0 until a search has ranked it; higher is better."""

    article_id: str
    start: int
    end: int
    text: str
    section: str = ""
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence found for a question. `score` is a similarity (higher is better), `parts` what it is the sum of.

    `focus` is the part of the sentence that the question is about: (start, end) in the article's text.
    """

    sentence: Sentence
    score: float
    parts: Mapping[str, float] = field(default_factory=dict)
    focus: tuple[int, int] = (0, 0)

    @property
    def focus_text(self) -> str:
        """Return the focus on one line, with an ellipsis where words of the sentence are left out."""
        start, end = self.focus[0] - self.sentence.start, self.focus[1] - self.sentence.start
        if end <= start:
            return " ".join(self.sentence.text.split())
        lead = "… " if self.sentence.text[:start].strip() else ""
        tail = " …" if self.sentence.text[end:].strip(" .!?\"'”’)*_") else ""
        part = self.sentence.text[start:] if not tail else self.sentence.text[start:end]
        return f"{lead}{' '.join(part.split())}{tail}"


@dataclass(frozen=True, slots=True)
class Citation:
    """A pointer from a claim to a span: `quote == article.text[start:end]`, always. `number` is the footnote mark."""

    number: int
    article_id: str
    title: str
    start: int
    end: int
    quote: str
    url: str = ""
    publisher: str = ""
    date: str = ""
    edition: str = ""

    @property
    def source(self) -> str:
        """Publisher, title and date in one line, with a note where the text is a retelling."""
        parts = [part for part in (self.publisher, self.title, self.date) if part]
        return ", ".join(parts) + (f" ({self.edition})" if self.edition else "")


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement of an answer with the citations that bear it.

    `support` in 0..1 says how far the cited text bears the claim. `verdict` is "supported" where the claim was phrased
    by the reader and passed the verifier, "quoted" where it is the article's own wording.
    """

    text: str
    citations: tuple[Citation, ...]
    support: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Answer:
    """All there is to know about one answer; the window, the shell and the evaluation render this and nothing else.

    `passages` and `evidence` are what was retrieved, best first; `question` the standalone question searched for;
    `timings` seconds by step; `refused` is True, with no claims, where the articles do not hold the answer.
    """

    text: str
    question: str
    claims: tuple[Claim, ...] = ()
    refused: bool = False
    disagreement: bool = False
    passages: tuple[Passage, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    model: str = ""

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Every citation once, in the order of its footnote mark."""
        found = {citation.number: citation for claim in self.claims for citation in claim.citations}
        return tuple(found[number] for number in sorted(found))

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain dictionaries, lists, strings and numbers, ready for JSON."""
        return {**asdict(self), "citations": [asdict(citation) for citation in self.citations]}

    def __str__(self) -> str:
        """Return what a person reads: the text, then one line a footnote."""
        notes = [f"[{c.number}] {c.source}: “{c.quote}”" for c in self.citations]
        return "\n".join([self.text, *([""] if notes else []), *notes])


@dataclass(frozen=True, slots=True)
class Event:
    """A step of an answer in the making: `claim` is set when one has passed, `answer` on the last event.

    `detail` names what the step works on (an article's name while reading); `elapsed` is in seconds since the question.
    """

    stage: Stage
    detail: str = ""
    claim: Claim | None = None
    answer: Answer | None = None
    elapsed: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader made of one article's evidence: positions of the sentences it points at, and its own words."""

    pointed: tuple[int, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens a reader has been given in prompts (`read`) and has generated (`written`) since it was made."""

    read: int = 0
    written: int = 0


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """One text's tokens: unit `vectors`, shape (tokens, dimension), and each token's `spans` (start, end) in the text."""

    vectors: Vectors
    spans: tuple[tuple[int, int], ...]


class Embedder(Protocol):
    """Anything that turns texts into unit vectors. `fingerprint` changes whenever the vectors would."""

    @property
    def fingerprint(self) -> str: ...  # noqa: D102

    def encode(self, texts: Sequence[str], /) -> Vectors:
        """Return one unit vector a text, shape (len(texts), dimension), float32."""
        ...

    def encode_tokens(self, texts: Sequence[str], /) -> list[TokenVectors]:
        """Return the vectors of every text's tokens in their context, special tokens left out."""
        ...


class Reader(Protocol):
    """Anything that continues a conversation under a grammar. `name` is shown to people; `fluent` says whether to ask it."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def fluent(self) -> bool: ...  # noqa: D102

    def generate(self, messages: Sequence[Mapping[str, str]], /, *, grammar: str, max_tokens: int) -> Iterator[str]:
        """Yield pieces of text; closing the iterator stops the model and frees it."""
        ...


class Hits(NamedTuple):
    """What a vector search found, best first: cosines in -1..1, and the keys of the vectors."""

    scores: Vectors
    keys: Keys


class VectorStore(Protocol):
    """Unit vectors under integer keys, searched by inner product. Vectors under a key never change while they are needed.

    `state` goes into the generation of files that needs these vectors. `settle` is called once that generation is in
    force, with all the keys it needs; a store that other processes read puts `remove` off until then.
    """

    def __len__(self) -> int: ...
    def add(self, keys: Keys, vectors: Vectors, /) -> None: ...  # noqa: D102
    def remove(self, keys: Keys, /) -> None: ...  # noqa: D102
    def search(self, vector: Vectors, /, k: int) -> Hits: ...  # noqa: D102
    def get(self, keys: Keys, /) -> Vectors: ...  # noqa: D102
    def state(self) -> bytes | memoryview: ...  # noqa: D102
    def settle(self, keys: Keys, /) -> None: ...  # noqa: D102


class VectorEngine(Protocol):
    """Anything that makes vector stores and finds them again by their state. `name` is part of what an index is."""

    @property
    def name(self) -> str: ...  # noqa: D102
    def create(self, view: str, dimension: int, /) -> VectorStore: ...  # noqa: D102

    def open(self, state: bytes, /) -> VectorStore:
        """Return the store whose state this was; raise ValueError where it is gone or no state."""
        ...

    def clear(self) -> None: ...  # noqa: D102
