"""Reading by a model server: a scripted one for what can go wrong, llama.cpp's own for the answer."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import pytest

from rag.config import PROJECT, Settings, load_settings
from rag.errors import ContextError, ModelError
from rag.models import reader_model
from rag.pipeline import Assistant
from rag.remote import RemoteReader

from .conftest import WordEmbedder
from .servers import Answer, Site, answer, serve

CHAT, MODELS = "/v1/chat/completions", "/v1/models"
ASKED = [{"role": "user", "content": "Who?"}]


def says(text: str) -> Answer:
    message = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [message]}
    return answer(json.dumps(body), "application/json")


def refuses(status: int, message: str) -> Answer:
    return answer(json.dumps({"error": {"message": message, "type": "e", "code": None}}), "application/json", status)


@pytest.fixture
def site() -> Iterator[Site]:
    models = {"object": "list", "data": [{"id": "first", "object": "model", "created": 1, "owned_by": "me"}]}
    with serve({CHAT: says("[1] Mara rang it."), MODELS: answer(json.dumps(models), "application/json")}) as running:
        yield running


def ask(site: Site, model: str = "#m", **options: object) -> str:
    reader = RemoteReader(f"{site.url}/v1{model}", retries=0, **options)  # type: ignore[arg-type]
    return "".join(reader.generate(ASKED, grammar='root ::= "x"', max_tokens=9))


def test_a_reply_comes_with_the_grammar_in_both_forms_and_the_key(site: Site) -> None:
    assert ask(site, api_key="secret") == "[1] Mara rang it."
    body = json.loads(site.bodies[0])
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("m", 9, 0.0)
    assert body["grammar"] == body["structured_outputs"]["grammar"] == 'root ::= "x"'
    assert {name.lower(): value for name, value in site.requests[0][1].items()}["authorization"] == "Bearer secret"


def test_the_users_key_for_another_service_is_never_sent(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    ask(site)
    assert "sk-mine" not in str(site.requests)


def test_without_a_model_the_servers_first_is_taken(site: Site) -> None:
    reader = RemoteReader(f"{site.url}/v1")
    list(reader.generate(ASKED, grammar="", max_tokens=9))
    assert json.loads(site.bodies[0])["model"] == "first"
    assert reader.name == f"first at 127.0.0.1:{site.port}"


def test_a_server_that_takes_no_grammar_is_asked_without_and_only_told_once(site: Site) -> None:
    def picky(handler) -> None:  # type: ignore[no-untyped-def]
        (refuses(400, "Unrecognized request argument: grammar") if b"grammar" in site.bodies[-1] else says("[1] Yes."))(handler)

    site.answers[CHAT] = picky
    reader = RemoteReader(f"{site.url}/v1#m", retries=0)
    for _ in range(2):
        assert "".join(reader.generate(ASKED, grammar='root ::= "x"', max_tokens=9)) == "[1] Yes."
    assert [b"grammar" in body for body in site.bodies] == [True, False, False]


@pytest.mark.parametrize(
    "reply", ["<think>Who could it be? [2] perhaps.</think>\n\n[1] Mara.", "\n[1] Mara.\nSources: [1]\n", "[1] Mara.\n\n[7] And more."]
)
def test_a_reply_without_grammar_is_cut_to_its_first_line(site: Site, reply: str) -> None:
    site.answers[CHAT] = says(reply)
    assert ask(site) == "[1] Mara."


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (refuses(401, "bad key"), "refuses the key. Give the right one in RAG_API_KEY"),
        (refuses(404, "no such model"), "knows no model 'm' there. Check the address"),
        (refuses(500, "out of memory"), "answers 500 .*out of memory.*See the server's log"),
        (lambda handler: time.sleep(1.5), "gave no answer within 0 s. It may be busy"),
        (lambda handler: handler.wfile.write(b"not http"), "cannot be reached"),
        (answer("<html>", "text/html"), "no chat completion. Check the address"),
    ],
)
def test_what_goes_wrong_is_named_with_what_to_do(site: Site, reply: Answer, said: str) -> None:
    site.answers[CHAT] = reply
    with pytest.raises(ModelError, match=said):
        ask(site, seconds=0.4)


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelError, match=r"http://127\.0\.0\.1:9/v1 cannot be reached.*Check the address"):
        next(RemoteReader("http://127.0.0.1:9/v1#m", retries=0).generate(ASKED, grammar="", max_tokens=1))


def test_a_busy_server_is_asked_again(site: Site) -> None:
    def busy_once(handler) -> None:  # type: ignore[no-untyped-def]
        (refuses(503, "busy") if len(site.bodies) == 1 else says("[1] Yes."))(handler)

    site.answers[CHAT] = busy_once
    reader = RemoteReader(f"{site.url}/v1#m", retries=1)
    assert "".join(reader.generate(ASKED, grammar="", max_tokens=9)) == "[1] Yes."
    assert len(site.bodies) == 2


def test_a_prompt_too_long_for_the_server_is_told_apart(site: Site) -> None:
    site.answers[CHAT] = refuses(400, "This model's maximum context length is 512 tokens.")
    with pytest.raises(ContextError):
        ask(site)


@pytest.mark.parametrize("address", ["http://", "https://user:pass@host/v1", "http://[::1/v1"])
def test_what_is_no_address_of_a_server_is_refused(address: str) -> None:
    with pytest.raises(ModelError, match=r"http://HOST:PORT/v1#MODEL"):
        RemoteReader(address)


def test_the_setting_reaches_the_server_and_the_key_is_not_shown(site: Site, settings: Settings, corpus: object) -> None:
    chosen = load_settings({"RAG_MODEL": f"{site.url}/v1#m", "RAG_API_KEY": "secret"})
    assert "secret" not in repr(chosen)
    settings = settings.with_overrides(model=chosen.model, api_key=chosen.api_key)
    found = Assistant(settings=settings, embedder=WordEmbedder()).answer("Who rang the bell?")
    assert found.model == f"m at 127.0.0.1:{site.port}"
    assert not found.refused


def test_a_server_that_answers_nonsense_leaves_the_articles_own_words(site: Site, settings: Settings) -> None:
    site.answers[CHAT] = says("[99] The butler did it.")
    found = Assistant(settings=settings.with_overrides(model=f"{site.url}/v1#m"), embedder=WordEmbedder()).answer("Who rang the bell?")
    assert {claim.verdict for claim in found.claims} == {"quoted"}
    assert "butler" not in found.text


# llama.cpp's own server, over the bundled model

SERVER = """
import runpy, sys
from rag.reader import _without_amx
with _without_amx():
    runpy.run_module("llama_cpp.server", run_name="__main__", alter_sys=True)
"""


@pytest.fixture(scope="module")
def llama_server() -> Iterator[str]:
    """Run `python -m llama_cpp.server` (kept off AMX, as our own reader is) and yield its address."""
    pytest.importorskip("sse_starlette", reason="llama-cpp-python[server] is not installed")
    pytest.importorskip("starlette_context", reason="llama-cpp-python[server] is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {"model": str(reader_model().path), "host": "127.0.0.1", "port": port, "n_ctx": 2048, "model_alias": "smol", "seed": 0}
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, *arguments], cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as child:
        try:
            for _ in range(600):
                assert child.poll() is None, "the server has ended"
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/v1#smol"
        finally:
            child.terminate()


@pytest.mark.real
def test_an_answer_by_a_model_server_is_that_of_the_same_model_here(assistant: Assistant, llama_server: str) -> None:
    embedder = assistant._ensure_embedder()
    remote = Assistant(settings=assistant.settings.with_overrides(model=llama_server), embedder=embedder)
    question = "What does Peter hit Rob with?"
    local = Assistant(settings=assistant.settings.with_overrides(phrase="always"), embedder=embedder, reader=assistant.reader)
    here, there = local.answer(question), remote.answer(question)
    assert there.citations == here.citations != ()
    assert there.text == here.text
    assert there.model.startswith("smol at 127.0.0.1")


@pytest.mark.real
def test_the_grammar_holds_a_model_server_to_its_form(llama_server: str) -> None:
    reply = "".join(RemoteReader(llama_server).generate(ASKED, grammar='root ::= "yes" | "no"', max_tokens=4))
    assert reply in ("yes", "no")


@pytest.mark.real
def test_a_prompt_too_long_for_llama_cpps_server_is_told_apart(llama_server: str) -> None:
    with pytest.raises(ContextError):
        "".join(RemoteReader(llama_server).generate([{"role": "user", "content": "word " * 4000}], grammar="", max_tokens=4))
