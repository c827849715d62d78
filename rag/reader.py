"""Prompt to text with a local GGUF, streamed. The only import of llama_cpp."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rag.errors import ContextError, ModelError
from rag.models import LocalModel
from rag.probe import probe
from rag.types import Usage, Vectors

if TYPE_CHECKING:
    from llama_cpp import Llama

FLUENT_BYTES = 300 * 1024 * 1024
"""A GGUF of this size holds about half a billion parameters at four bits."""
PEEK_BEYOND = 8192
"""A model is first opened with this context at most, in tokens, to see what it was trained for before memory is asked for more."""
TRIES = 8
"""How often a text is searched for control tokens: breaking one up may leave another."""
_MODEL_LOCK = threading.Lock()  # llama.cpp contexts must not be used by two threads; one model at a time is also fastest


class LlamaReader:
    """A Reader over a local GGUF; the model loads on first use. One generation runs at a time in the whole process."""

    def __init__(self, model: LocalModel, *, threads: int, context: int) -> None:
        self.model = model
        self._threads = threads
        self._context = context
        self._loaded: Llama | None = None
        self.usage = Usage()

    @property
    def fluent(self) -> bool:
        """Whether the model is large enough for its words to be worth checking.

        The bundled one, of 135M parameters, is not: given the right sentence it phrases no answer right that the sentence
        itself does not give, and loses 4 of 74 that it does, at thirty times the time (development questions).
        """
        return self.model.path.stat().st_size >= FLUENT_BYTES

    @property
    def name(self) -> str:
        """The model's name, shown to people."""
        return self.model.name

    def generate(self, messages: Sequence[Mapping[str, str]], /, *, grammar: str, max_tokens: int) -> Iterator[str]:
        """Yield pieces of the reply at temperature 0; closing the iterator stops the model and frees it.

        Raises:
            ModelError: the model will not load, its chat template fails, or llama.cpp stops.
            ContextError: the prompt is longer than the model's context window.
        """
        with _MODEL_LOCK:
            llm = self._load()
            with closing(_Grammar(llm, grammar)) as allowed, closing(self._started(llm, messages, allowed, max_tokens)) as stream:
                yield from self._counted(llm, stream)

    def _counted(self, llm: Llama, stream: Any) -> Iterator[str]:
        """Yield the pieces of a stream, and count its tokens when it ends or is closed."""
        prompt = pieces = 0
        try:
            for chunk in stream:
                prompt = prompt or llm.n_tokens  # at the first chunk it has evaluated the prompt and nothing else
                piece = chunk["choices"][0]["delta"].get("content") or ""
                pieces += bool(piece)
                yield piece
        except (ValueError, RuntimeError) as error:
            if "exceed context window" in str(error):
                raise ContextError(f"{self.name} has a context of {llm.n_ctx()} tokens, and the prompt is longer.") from error
            raise ModelError(f"llama.cpp stopped while {self.name} was reading ({error}). Ask again, or choose another model.") from error
        finally:
            if prompt:  # a piece may hold several tokens, and the last one is not evaluated: hence the larger count
                written = max(pieces, llm.n_tokens - prompt)
                self.usage = Usage(self.usage.read + prompt, self.usage.written + written)

    def _started(self, llm: Llama, messages: Sequence[Mapping[str, str]], allowed: _Grammar, max_tokens: int) -> Any:
        """Return the stream of a reply to messages in which nothing is a control token.

        A chat template that knows no system message gets it at the head of the first message instead.
        """
        plain = [{**dict(message), "content": _plain(llm, message["content"])} for message in messages]
        try:
            return self._asked(llm, plain, allowed, max_tokens)
        except Exception:  # a template is a program of whoever made the model, and fails as it likes
            try:
                return self._asked(llm, _without_system(plain), allowed, max_tokens)
            except Exception as error:
                raise ModelError(
                    f"The chat template of {self.name} cannot be used ({error}). Choose another model; see models/README.md."
                ) from error

    def _asked(self, llm: Llama, messages: list[dict[str, str]], allowed: _Grammar, max_tokens: int) -> Any:
        return llm.create_chat_completion(
            messages,  # type: ignore[arg-type]
            logits_processor=[allowed],  # type: ignore[arg-type]
            max_tokens=max_tokens, temperature=0.0, stream=True,
        )  # fmt: skip

    def load(self) -> None:
        """Load the model now rather than with the first question."""
        with _MODEL_LOCK:
            self._load()

    def _load(self) -> Llama:
        if self._loaded is None:
            from jinja2 import TemplateError
            from llama_cpp import Llama

            probe(self.model, threads=self._threads)
            context = self._context
            try:
                with _without_amx():
                    opened = self._open(Llama, min(context, PEEK_BEYOND))
                    context = min(context, _trained_context(opened))
                    if context != min(self._context, PEEK_BEYOND):
                        opened.close()
                        opened = self._open(Llama, context)
                    self._loaded = opened
            except (ValueError, OSError, RuntimeError, AssertionError, TemplateError) as error:
                too_wide = f" A context of {context:,} tokens may need more memory than there is: set RAG_CONTEXT lower."
                raise ModelError(
                    f"llama.cpp cannot load {self.model.path.name} ({error}). "
                    "The file may be cut short or of a kind it does not know; see models/README.md."
                    + (too_wide if context > PEEK_BEYOND else "")
                ) from error
        return self._loaded

    def _open(self, library: type[Llama], context: int) -> Llama:
        return library(
            model_path=str(self.model.path), n_ctx=context, n_threads=self._threads, n_threads_batch=self._threads,
            seed=0, verbose=False,
        )  # fmt: skip


class _Grammar:
    """Leaves only the likeliest token that a grammar allows, as a logits processor of llama-cpp-python.

    With the library's own `grammar`, llama.cpp looks at every token of the vocabulary before each pick, which takes a third as
    long as the model. The likeliest token is nearly always allowed, so it is looked at alone first, as llama.cpp's own programs
    do; the pick is the same.
    """

    def __init__(self, model: Llama, grammar: str) -> None:
        import llama_cpp.llama_cpp as bindings

        self._bindings: Any = bindings
        self._sampler: Any = bindings.llama_sampler_init_grammar(model._model.vocab, grammar.encode(), b"root")
        if not self._sampler:
            raise ValueError(f"llama.cpp cannot parse the grammar {grammar!r}")

    def __call__(self, _: Any, scores: Vectors, /) -> Vectors:
        token = int(scores.argmax())
        if np.isneginf(self._filtered(np.array([token]), scores[[token]])[0]):
            token = int(self._filtered(np.arange(len(scores)), scores).argmax())
        self._bindings.llama_sampler_accept(self._sampler, token)
        only = np.full(len(scores), -np.inf, np.float32)
        only[token] = 0.0
        return only

    def _filtered(self, tokens: npt.NDArray[np.int64], scores: Vectors) -> Vectors:
        """Return the scores of these tokens, minus infinity where the grammar does not allow one next."""
        data = np.zeros(len(tokens), np.dtype(self._bindings.llama_token_data))
        data["id"], data["logit"] = tokens, scores
        pointer = data.ctypes.data_as(ctypes.POINTER(self._bindings.llama_token_data))
        candidates = self._bindings.llama_token_data_array(data=pointer, size=len(tokens), selected=-1, sorted=False)
        self._bindings.llama_sampler_apply(self._sampler, ctypes.byref(candidates))
        return np.asarray(data["logit"])

    def close(self) -> None:
        """Free what llama.cpp keeps of the grammar."""
        if self._sampler:
            self._bindings.llama_sampler_free(self._sampler)
            self._sampler = None


def _trained_context(model: Llama) -> int:
    """Return the context window that a model was trained for, in tokens; beyond it a model talks nonsense."""
    architecture = model.metadata.get("general.architecture", "")
    return int(model.metadata.get(f"{architecture}.context_length", model.n_ctx()))


def _plain(llm: Llama, text: str) -> str:
    """Return a text in which this model's vocabulary finds no control token: a space is put into each."""
    import llama_cpp

    vocabulary = llama_cpp.llama_model_get_vocab(llm.model)
    for _ in range(TRIES):
        ids = llm.tokenize(text.encode("utf-8", "ignore"), add_bos=False, special=True)
        controls = {
            llm.detokenize([i], special=True).decode("utf-8", "ignore") for i in ids if llama_cpp.llama_vocab_is_control(vocabulary, i)
        }
        if not any(controls):
            break
        for control in filter(None, controls):
            text = text.replace(control, f"{control[0]} {control[1:]}")
    return text


def _without_system(messages: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return the messages with a system message at the head of the first message of the user."""
    first, *rest = map(dict, messages)
    if first["role"] != "system" or not rest:
        return [first, *rest]
    return [{**rest[0], "content": f"{first['content']}\n\n{rest[0]['content']}"}, *rest[1:]]


@contextmanager
def _without_amx() -> Iterator[None]:
    """Keep llama.cpp off AMX tiles while a model loads, where the CPU has them.

    Its AMX kernels crash with a fault in `ldtilecfg` on many virtual machines (ggml-org/llama.cpp#20824). The one switch
    is the model parameter `use_extra_bufts`, which `Llama` does not pass on.
    """
    import llama_cpp.llama_cpp as bindings

    original = bindings.llama_model_default_params
    if not _cpu_has_amx():
        yield
        return

    def plain_buffers() -> Any:
        parameters = original()
        parameters.use_extra_bufts = False
        return parameters

    bindings.llama_model_default_params = plain_buffers
    try:
        yield
    finally:
        bindings.llama_model_default_params = original


def _cpu_has_amx() -> bool:
    try:
        return "amx_tile" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
