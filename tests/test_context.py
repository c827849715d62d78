"""A model with a small context gets less, not an error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest

from rag.config import Settings
from rag.errors import ContextError
from rag.models import reader_model
from rag.pipeline import Assistant
from rag.reader import LlamaReader

from .conftest import WordEmbedder


class TinyReader:
    """Has no room for any sentence."""

    name = "tiny"
    fluent = True

    def generate(self, messages: Sequence[Mapping[str, str]], /, *, grammar: str, max_tokens: int) -> Iterator[str]:
        raise ContextError("too long")
        yield ""


def test_a_sentence_that_does_not_fit_the_model_is_quoted(settings: Settings) -> None:
    answer = Assistant(settings=settings, embedder=WordEmbedder(), reader=TinyReader()).answer("Who rang the bell?")
    assert not answer.refused
    assert {claim.verdict for claim in answer.claims} == {"quoted"}


@pytest.mark.real
def test_a_prompt_longer_than_the_context_is_told_and_the_model_answers_the_next_one() -> None:
    """Row G7."""
    reader = LlamaReader(reader_model(), threads=2, context=256)
    grammar = 'root ::= "yes" | "no"'
    with pytest.raises(ContextError, match="has a context of 256 tokens"):
        "".join(reader.generate([{"role": "user", "content": "word " * 500}], grammar=grammar, max_tokens=4))
    assert "".join(reader.generate([{"role": "user", "content": "Is it?"}], grammar=grammar, max_tokens=4)) in ("yes", "no")


@pytest.mark.real
def test_a_context_is_never_wider_than_the_model_was_trained_for() -> None:
    reader = LlamaReader(reader_model(), threads=2, context=9000)
    reader.load()
    assert reader._loaded is not None
    assert reader._loaded.n_ctx() == 8192
