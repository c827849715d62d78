"""What may lie in an index folder, what an embedding model may give, and who may come at the same time. Rows I4 to I18."""

from __future__ import annotations

import ast
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from rag import library
from rag.config import PROJECT, Settings
from rag.corpus import load_corpus
from rag.embedding import SentenceTransformerEmbedder
from rag.errors import CorpusError, IndexStoreError
from rag.index import IndexStore, build_index
from rag.models import embedding_model
from rag.pipeline import Assistant
from rag.types import Vectors
from tests.conftest import QueueReader, WordEmbedder

from .test_crashes import NEW, OLD, ids_on_disk


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an index that tests copy before they damage it."""
    folder = tmp_path_factory.mktemp("built") / "index"
    IndexStore(folder, WordEmbedder()).open(OLD)
    return folder


def damaged(built: Path, copy: Path, file: Path, data: bytes) -> Path:
    """Return a copy of an index in which a file holds these bytes."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(built, copy)
    (copy / file).write_bytes(data)
    return copy


def files_of(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.name != "lock")


def test_a_file_cut_anywhere_is_never_served_and_is_named(built: Path, tmp_path: Path) -> None:
    """Row I4: every file of the index, cut to 0 bytes, 1, half, and all but the last."""
    assert len(files_of(built)) == 5
    for file in files_of(built):
        data = (built / file).read_bytes()
        for size in (0, 1, len(data) // 2, len(data) - 1):
            with pytest.raises(IndexStoreError, match=rf"is damaged: {file.name}.*python -m rag index --rebuild"):
                ids_on_disk(damaged(built, tmp_path / "copy", file, data[:size]))


def test_a_flipped_bit_a_zeroed_half_and_appended_bytes_are_never_served(built: Path, tmp_path: Path) -> None:
    """Row I5: 200 bits at seeded places, the second half of every file, and bytes after its end."""
    chance, files = random.Random(11), files_of(built)
    for i in range(200):
        file = files[i % len(files)]
        data = bytearray((built / file).read_bytes())
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        assert not served(damaged(built, tmp_path / "copy", file, bytes(data))), (i, file)
    for file in files:
        data = (built / file).read_bytes()
        assert not served(damaged(built, tmp_path / "copy", file, data[: len(data) // 2] + bytes(len(data) - len(data) // 2))), file
        assert not served(damaged(built, tmp_path / "copy", file, data + b"junk")), file
    assert served(built)


def served(folder: Path) -> bool:
    try:
        return ids_on_disk(folder) is not None
    except IndexStoreError:
        return False


@pytest.mark.parametrize("change", ["another size", "another hash", "no such file", "another generation", "a path out of the folder"])
def test_a_manifest_that_does_not_fit_its_files_is_refused(built: Path, tmp_path: Path, change: str) -> None:
    """Row I6, with I7: even where the manifest's own hash is right."""
    import hashlib

    written = json.loads((built / "CURRENT").read_text())
    manifest = written["manifest"]
    if change == "another size":
        manifest["files"]["spans.json"]["size"] += 1
    elif change == "another hash":
        manifest["files"]["spans.json"]["sha256"] = "0" * 64
    elif change == "no such file":
        del manifest["files"]["passage.vectors"]
    else:
        manifest["generation"] = "gen-000000000000" if change == "another generation" else "../../elsewhere"
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    copy = damaged(built, tmp_path / "copy", Path("CURRENT"), json.dumps({**written, "sha256": digest}).encode())
    with pytest.raises(IndexStoreError, match="is damaged"):
        ids_on_disk(copy)
    assert len(IndexStore(copy, WordEmbedder()).open(OLD).sentences) == 2


def test_an_index_without_its_pointer_is_no_index_and_is_built(built: Path, tmp_path: Path) -> None:
    """Row I6."""
    copy = damaged(built, tmp_path / "copy", Path("CURRENT"), b"")
    (copy / "CURRENT").unlink()
    assert ids_on_disk(copy) is None
    assert len(IndexStore(copy, WordEmbedder()).open(OLD).sentences) == 2


def test_spans_of_another_build_with_as_many_sentences_are_refused(built: Path, tmp_path: Path) -> None:
    """Row I7: same count, other texts; a footnote would point at the wrong words."""
    other = tmp_path / "other"
    IndexStore(other, WordEmbedder()).open(NEW[:2])
    for name in ("spans.json", "sentence.vectors"):
        place = next(built.glob(f"gen-*/{name}")).relative_to(built)
        copy = damaged(built, tmp_path / "copy", place, next(other.glob(f"gen-*/{name}")).read_bytes())
        with pytest.raises(IndexStoreError, match=f"{name} has"):
            ids_on_disk(copy)


def test_what_changed_in_the_corpus_is_told_by_content_alone(corpus: Path, tmp_path: Path) -> None:
    """Row I8: an edit that keeps time and size, a new name, and a mere touch."""
    embedder = WordEmbedder()
    store = IndexStore(tmp_path / "index", embedder)

    def embedded() -> list[str]:
        embedder.texts.clear()
        store.open(load_corpus(corpus))
        return list(embedder.texts)

    assert embedded()
    file = corpus / "quay.txt"
    before = file.stat()
    file.write_text(file.read_text().replace("14 boats", "19 boats"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    assert any("19 boats" in text for text in embedded())
    os.utime(file)
    assert embedded() == []
    file.rename(corpus / "pier.txt")
    assert embedded()
    assert set(store.open(load_corpus(corpus)).articles) == {"harbour", "pier"}


class Faulty(WordEmbedder):
    """Spoils the vector of every text about a ferry."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault

    def encode(self, texts: Sequence[str], /) -> Vectors:
        vectors = super().encode(texts)
        rows = [i for i, text in enumerate(texts) if "ferry" in text]
        if self.fault in ("nan", "inf"):
            vectors[rows] = float(self.fault)
        elif self.fault in ("zero", "long"):
            vectors[rows] *= 0 if self.fault == "zero" else 3
        elif rows:
            return vectors[:-1] if self.fault == "too few" else vectors.ravel()
        return vectors


@pytest.mark.parametrize("fault", ["nan", "inf", "zero", "long", "too few", "flat"])
def test_vectors_that_cannot_be_compared_stop_the_build_and_name_the_text(tmp_path: Path, fault: str) -> None:
    """Row I10: the index before stays."""
    store = IndexStore(tmp_path / "index", Faulty(fault))
    store.open(OLD)
    with pytest.raises(IndexStoreError, match=r"no unit vector for '.*ferry|no unit vector for 'The bridge"):
        store.open(NEW)
    assert ids_on_disk(store.folder) == ["a", "b"]


def test_vectors_of_double_precision_are_taken_as_single(corpus: Path) -> None:
    """Row I10."""

    class Double(WordEmbedder):
        def encode(self, texts: Sequence[str], /) -> Vectors:
            return super().encode(texts).astype(np.float64)  # type: ignore[return-value]

    index = build_index(load_corpus(corpus), Double())
    query = Double().encode(["bell"])[0]
    assert index.search("bell", query, k=3).parts["sentence"].dtype == np.float32


def test_a_question_that_embeds_to_nonsense_is_refused_and_no_passage_is_made_up(settings: Settings) -> None:
    """Row I11, through the whole pipeline; more passages are asked for than there are."""

    class Nonsense(WordEmbedder):
        def encode(self, texts: Sequence[str], /) -> Vectors:
            vectors = super().encode(texts)
            return np.full_like(vectors, np.nan) if any("bell?" in text for text in texts) else vectors

    answer = Assistant(settings=settings, embedder=Nonsense(), reader=QueueReader()).answer("Who rang the bell?")
    assert answer.refused
    assert answer.passages == answer.evidence == ()
    index = Assistant(settings=settings, embedder=WordEmbedder(), reader=QueueReader()).prepare()
    found = index.search("Who rang it?", WordEmbedder().encode(["Who rang it?"])[0], k=10_000)
    assert 0 <= found.ids.min() <= found.ids.max() < len(index.sentences)


ADDING = """
import sys
from pathlib import Path
from rag import library
from rag.errors import CorpusError
corpus, source = map(Path, sys.argv[1:])
print("ready", flush=True)
sys.stdin.readline()
try:
    library.add([source], corpus, id_="ferry")
    print("added", flush=True)
except CorpusError as error:
    print(error, flush=True)
"""


def test_two_that_add_one_article_at_once_do_not_overwrite_each_other(tmp_path: Path, corpus: Path) -> None:
    """Row I12: one wins whole, the other is told; the same for a build that is asked for twice is in test_workers."""
    children = []
    for number in (1, 2, 3):
        (tmp_path / f"{number}.txt").write_text(f"Ferry number {number} sank at dawn.\n" * 2000)
        arguments = [sys.executable, "-c", ADDING, str(corpus), str(tmp_path / f"{number}.txt")]
        children.append(subprocess.Popen(arguments, cwd=PROJECT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    said = [child.communicate(timeout=60)[0].strip() for child in children]
    assert sorted(line[:20] for line in said) == ["There is an article ", "There is an article ", "added"]
    winner = said.index("added") + 1
    assert next(a.text for a in load_corpus(corpus) if a.id == "ferry") == (tmp_path / f"{winner}.txt").read_text()


HOLDING = """
import sys, time
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs kill -9")
def test_a_lock_whose_holder_was_killed_holds_nobody(built: Path, tmp_path: Path) -> None:
    """Row I13: the lock is the system's, not a file's existence."""
    folder = tmp_path / "index"
    shutil.copytree(built, folder)
    with subprocess.Popen([sys.executable, "-c", HOLDING, str(folder / "lock")], stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(IndexStoreError, match=r"Another process has been building the index in .* for 0 s\. Wait for it, or end it"):
            IndexStore(folder, WordEmbedder(), patience=0.1).open(NEW)
        child.kill()
        child.wait()
    assert (folder / "lock").exists()
    assert set(IndexStore(folder, WordEmbedder(), patience=0.1).open(NEW).articles) == {"a", "c", "d"}


def test_a_lock_that_cannot_be_taken_is_a_clear_error(built: Path, tmp_path: Path) -> None:
    """Row I13; a folder in its place stands for a lock that is not ours to write, which the superuser never meets."""
    folder = tmp_path / "index"
    shutil.copytree(built, folder)
    (folder / "lock").unlink(missing_ok=True)
    (folder / "lock").mkdir()
    with pytest.raises(IndexStoreError, match=r"cannot be written to .*Free space there, or set RAG_INDEX_DIR"):
        IndexStore(folder, WordEmbedder()).open(NEW)


@pytest.mark.real
@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_build_that_is_told_to_stop_leaves_the_index_before(
    assistant: Assistant, tmp_path: Path, signum: signal.Signals, status: int
) -> None:
    """Row I14, while it embeds; at the other steps row I1 kills it."""
    corpus, folder = tmp_path / "corpus", tmp_path / "index"
    corpus.mkdir()
    (corpus / "a.md").write_text("The clock stopped in March.\n")
    IndexStore(folder, assistant._ensure_embedder()).open(load_corpus(corpus))
    (corpus / "b.md").write_text("\n\n".join(f"Boat number {i} left the pier at {i} minutes past nine." for i in range(20_000)))
    environment = {**os.environ, "RAG_INDEX_DIR": str(folder), "RAG_THREADS": "1"}
    command = [sys.executable, "-m", "rag", "index", "--corpus", str(corpus)]
    before = (folder / "CURRENT").read_bytes()
    (folder / "lock").unlink()
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=subprocess.PIPE, text=True) as child:
        while not (folder / "lock").exists():
            assert child.poll() is None
            time.sleep(0.05)
        child.send_signal(signum)
        said = child.communicate(timeout=60)[1]
    assert child.returncode == status
    assert (folder / "CURRENT").read_bytes() == before
    assert ids_on_disk(folder) == ["a"]
    assert "Traceback" not in said
    if signum == signal.SIGINT:
        assert said.endswith("Stopped. What was there before is still in force.\n")


@pytest.mark.parametrize("kind", ["a file", "a broken link", "below a file"])
def test_an_index_folder_that_cannot_be_is_told_before_a_word_is_embedded(tmp_path: Path, kind: str) -> None:
    """Row I15; names that are odd but possible are in test_index."""
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "at" / "all")
    folder = {"a file": tmp_path / "file", "a broken link": tmp_path / "link", "below a file": tmp_path / "file" / "index"}[kind]
    embedder = WordEmbedder()
    with pytest.raises(IndexStoreError, match=r"cannot be written to .*RAG_INDEX_DIR"):
        IndexStore(folder, embedder).open(OLD)
    assert embedder.texts == []


OPTIMISED = """
import json, sys
from rag.config import Settings
from rag.errors import RagError
from rag.index import IndexStore, build_index
from rag.pipeline import Assistant
from tests.conftest import QueueReader, WordEmbedder
import numpy as np
settings = Settings(corpus=sys.argv[1], index_dir=sys.argv[2])
answer = Assistant(settings=settings, embedder=WordEmbedder(), reader=QueueReader()).answer("How many boats did the fire destroy?")
found = [answer.text, [c.quote for c in answer.citations]]
class Other(WordEmbedder):
    def encode(self, texts, /):
        return np.eye(8, dtype=np.float32)[[0] * len(texts)]
store = IndexStore(settings.index_path, WordEmbedder())
from rag.corpus import load_corpus
index = store.open(load_corpus(settings.corpus_path))
try:
    index.stores["sentence"].add(np.array([99]), Other().encode(["x"]))
except RagError as error:
    found.append(str(error))
print(json.dumps(found))
"""


def test_optimised_python_checks_and_answers_the_same(settings: Settings, tmp_path: Path) -> None:
    """Row I16: no check is an `assert`."""
    said = [
        json.loads(subprocess.run(
            [sys.executable, *flags, "-c", OPTIMISED, settings.corpus, str(tmp_path / f"index{len(flags)}")],
            cwd=PROJECT, capture_output=True, text=True, check=True,
        ).stdout)
        for flags in ([], ["-O"])
    ]  # fmt: skip
    assert said[0] == said[1]
    assert "14 boats" in said[0][0]
    assert "--rebuild" in said[0][2]


def test_an_article_changed_after_it_was_read_is_indexed_as_it_was_read_and_found_stale(corpus: Path, tmp_path: Path) -> None:
    """Row I17: the hash in the manifest is that of the text that was indexed."""
    store, articles = IndexStore(tmp_path / "index", WordEmbedder()), load_corpus(corpus)
    (corpus / "quay.txt").write_text("The pier was painted green.\n")
    assert any("flames" in s.text for s in store.open(articles).sentences)
    assert not any("flames" in s.text for s in store.open(load_corpus(corpus)).sentences)


def test_nothing_in_the_package_unpickles_or_evaluates() -> None:
    """Row I18: by the source, as test_generations shows by a planted file."""
    banned = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "diskcache"}
    for file in sorted((PROJECT / "rag").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            imported += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in imported} & banned, file
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("eval", "exec", "compile", "torch.load", "np.load", "numpy.load", "os.system", "__import__"), file
                assert not any(keyword.arg == "trust_remote_code" for keyword in node.keywords), file


def test_settings_beside_the_weights_are_part_of_what_an_embedding_model_is(tmp_path: Path) -> None:
    """Row I9: same weights, but longer texts; an index of the one is not one of the other."""
    bundled = embedding_model().path
    for name in ("one", "other"):
        shutil.copytree(bundled, tmp_path / name, copy_function=lambda source, target: Path(target).symlink_to(source))
    settings = tmp_path / "other" / "sentence_bert_config.json"
    longer = json.dumps({**json.loads(settings.read_text()), "max_seq_length": 64})
    settings.unlink()
    settings.write_text(longer)
    prints = [
        SentenceTransformerEmbedder(embedding_model(str(tmp_path / name)), threads=1).fingerprint.partition(":")[2]
        for name in ("one", "other")
    ]
    assert prints[0] != prints[1]
    assert prints[0].split(":")[0] == prints[1].split(":")[0], "the weights are the same"


def test_another_size_of_vectors_builds_the_index_again_and_names_both(
    corpus: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Row I9: other dimension, other name."""

    class Small(WordEmbedder):
        fingerprint = "small:1"

        def encode(self, texts: Sequence[str], /) -> Vectors:
            vectors = super().encode(texts)[:, :64] + 1e-3
            return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    caplog.set_level("INFO")
    IndexStore(tmp_path / "index", WordEmbedder()).open(load_corpus(corpus))
    index = IndexStore(tmp_path / "index", Small()).open(load_corpus(corpus))
    assert index.stores["sentence"].get(np.array([0])).shape == (1, 64)
    assert "embedder words:1 instead of small:1" in caplog.text


def test_an_article_deleted_between_listing_and_reading_is_left_out(corpus: Path, tmp_path: Path) -> None:
    """Row I17: a link whose target goes is what a file that goes looks like."""
    (corpus / "gone.txt").symlink_to(corpus / "quay.txt")
    (corpus / "quay.txt").rename(tmp_path / "quay.txt")
    assert [article.id for article in load_corpus(corpus)] == ["harbour"]
    with pytest.raises(CorpusError, match="No article gone"):
        library.remove(["gone"], corpus)
