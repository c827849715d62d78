"""Prompt to text by a server that speaks OpenAI's protocol (vLLM, llama.cpp, others). The only import of openai.

The grammar goes along in the two ways that servers take one (`grammar`, llama.cpp's; `structured_outputs`, vLLM's). A
server that refuses it is asked without, and one that ignores it does no harm: a reply is cut to the form it should have,
and what it points at and says is checked like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rag.errors import ContextError, ModelError

if TYPE_CHECKING:
    from openai import OpenAI

SECONDS = 120.0
"""Seconds to wait for a reply."""
RETRIES = 2
"""How often a request that got no answer, or a "busy", is made again: a reply changes nothing on the server."""
_THOUGHTS = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
_TOO_LONG = re.compile(r"context.{0,20}(?:length|size|window)|too (?:long|many tokens)", re.IGNORECASE)


def is_remote(model: str) -> bool:
    """Tell the address of a server from the name of a local model."""
    return model.startswith(("http://", "https://"))


class RemoteReader:
    """A Reader over a server, given by `http(s)://host/v1#model`; without `#model` the server's first model is taken.

    Several replies may be asked for at a time; the server decides how many it works on.
    """

    def __init__(self, address: str, *, api_key: str = "", seconds: float = SECONDS, retries: int = RETRIES) -> None:
        """Check the address; the server is asked nothing yet. `api_key` is sent to it and to nobody else.

        Raises:
            ModelError: it is no address.
        """
        self._url, _, self._model = address.partition("#")
        try:
            host = urlsplit(self._url).netloc
        except ValueError:
            host = ""
        if not is_remote(self._url) or not host or "@" in host:
            raise ModelError(f"{address!r} is no model server. Give one as http://HOST:PORT/v1#MODEL, and its key in RAG_API_KEY.")
        self._host, self._api_key, self._seconds, self._retries = host, api_key, seconds, retries
        self._takes_grammar = True

    @property
    def fluent(self) -> bool:
        """Whoever runs a server runs a model whose words are worth checking."""
        return True

    @property
    def name(self) -> str:
        """The model's name and its server, shown to people."""
        return f"{self._model} at {self._host}" if self._model else self._host

    def generate(self, messages: Sequence[Mapping[str, str]], /, *, grammar: str, max_tokens: int) -> Iterator[str]:
        """Yield the reply at temperature 0, cut to one line without thoughts.

        Raises:
            ModelError: the server cannot be reached, refuses, or answers with nothing.
            ContextError: the prompt is longer than the model's context window.
        """
        reply = self._ask(messages, grammar if self._takes_grammar else "", max_tokens)
        lines = [line.strip() for line in _THOUGHTS.sub("", reply).splitlines() if line.strip()]
        yield lines[0] if lines else ""

    def load(self) -> None:
        """Find the server's model now rather than with the first question."""
        with self._connected():
            pass

    def _ask(self, messages: Sequence[Mapping[str, str]], grammar: str, max_tokens: int) -> str:
        import openai

        body = {"grammar": grammar, "structured_outputs": {"grammar": grammar}} if grammar else None
        request: dict[str, Any] = {"messages": list(messages), "max_tokens": max_tokens, "temperature": 0.0, "extra_body": body}
        try:
            with self._connected() as client:
                completion = client.chat.completions.create(model=self._model, **request)
        except openai.APIStatusError as error:
            if error.status_code in (400, 413) and _TOO_LONG.search(str(error)):
                raise ContextError(f"The prompt is longer than the context of {self.name}.") from error
            if grammar and error.status_code in (400, 422):
                self._takes_grammar = False
                return self._ask(messages, "", max_tokens)
            raise self._error(error) from error
        except openai.OpenAIError as error:
            raise self._error(error) from error
        choices = getattr(completion, "choices", None)  # what is no JSON comes back as text
        if not choices:
            raise ModelError(f"The model server {self._url} answers with no chat completion. Check the address (most end in /v1).")
        return choices[0].message.content or ""

    @contextmanager
    def _connected(self) -> Iterator[OpenAI]:
        """Open a client, with the model's name known; a connection a reply costs nothing beside the reply."""
        import openai

        # a key must be given, or the library would send the user's own of the environment to this server
        key = self._api_key or "none"
        with openai.OpenAI(base_url=self._url, api_key=key, timeout=self._seconds, max_retries=self._retries) as client:
            if not self._model:
                try:
                    self._model = next((model.id for model in client.models.list()), "")
                except openai.OpenAIError as error:
                    raise self._error(error) from error
            if not self._model:
                raise ModelError(f"{self._url} has no model. Name one: {self._url}#MODEL")
            yield client

    def _error(self, error: Exception) -> ModelError:
        """Return what went wrong and what to do, for people."""
        import openai

        if isinstance(error, openai.APITimeoutError):
            said, do = f"gave no answer within {self._seconds:.0f} s", "It may be busy or stopped: try again, or ask a smaller model."
        elif isinstance(error, openai.APIConnectionError):
            said, do = f"cannot be reached ({error.__cause__ or error})", "Check the address, and that the server runs."
        elif isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            said, do = "refuses the key", "Give the right one in RAG_API_KEY."
        elif isinstance(error, openai.NotFoundError):
            said, do = f"knows no model {self._model!r} there", "Check the address (most end in /v1) and the name after the #."
        else:
            status = getattr(error, "status_code", "")
            said, do = f"answers {status} {' '.join(str(getattr(error, 'message', error)).split())[:200]}".rstrip(), "See the server's log."
        return ModelError(f"The model server {self._url} {said}. {do}")
