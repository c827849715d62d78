"""Prompt to text with the bundled GGUF."""

from __future__ import annotations

from typing import Any

import pytest

from rag import prompts
from rag.models import reader_model
from rag.reader import LlamaReader

pytestmark = pytest.mark.real

SENTENCES = ["Mara Quist, a welder, rang the bell and woke the crews.", "The fire destroyed 12 boats [and] the <old> ice house."]


@pytest.fixture(scope="module")
def reader() -> LlamaReader:
    found = LlamaReader(reader_model(), threads=1, context=1024)
    found.load()
    return found


@pytest.mark.parametrize(
    "grammar",
    [
        prompts.read_grammar(1),
        prompts.read_grammar(2),
        'root ::= ("yes" | "no")',
        "root ::= [0-9]+",
        'root ::= "x" | "zebra zebra"',
    ],
)
def test_a_reply_is_what_llama_cpp_writes_under_the_same_grammar(reader: LlamaReader, grammar: str) -> None:
    from llama_cpp.llama_grammar import LlamaGrammar

    messages: Any = prompts.read_messages("What did the fire destroy?", SENTENCES)
    ours = "".join(reader.generate(messages, grammar=grammar, max_tokens=24))
    theirs: Any = reader._load().create_chat_completion(
        messages, grammar=LlamaGrammar.from_string(grammar, verbose=False), max_tokens=24, temperature=0.0
    )
    assert ours == (theirs["choices"][0]["message"]["content"] or "")
    assert ours


def test_a_reply_that_is_stopped_leaves_the_next_one_whole(reader: LlamaReader) -> None:
    messages = prompts.read_messages("Who rang the bell?", SENTENCES)
    whole = "".join(reader.generate(messages, grammar=prompts.read_grammar(2), max_tokens=24))
    stopped = reader.generate(messages, grammar=prompts.read_grammar(2), max_tokens=24)
    next(stopped)
    stopped.close()  # type: ignore[attr-defined]
    assert "".join(reader.generate(messages, grammar=prompts.read_grammar(2), max_tokens=24)) == whole


def test_a_grammar_that_is_none_is_refused(reader: LlamaReader) -> None:
    with pytest.raises(ValueError, match="cannot parse the grammar"):
        next(reader.generate(prompts.read_messages("Who?", SENTENCES), grammar="root ::= (", max_tokens=2))
