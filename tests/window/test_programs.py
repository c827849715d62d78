"""The doors for programs: gradio_client and the Model Context Protocol get what `to_dict()` gives."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.window.conftest import BELL, SKY
from tests.window.fakes import ScriptedAssistant, Served


@pytest.fixture
def client(served: Served) -> Client:
    return Client(served.url, verbose=False, analytics_enabled=False)


def test_gradio_client_gets_the_answer_as_a_dictionary(client: Client, scripted: ScriptedAssistant) -> None:
    answer = client.predict(BELL, api_name="/answer")
    expected = scripted.answer(BELL).to_dict()
    assert answer["claims"] == [{**claim, "citations": list(claim["citations"])} for claim in expected["claims"]]
    assert (answer["text"], answer["refused"], answer["model"]) == (expected["text"], False, "scripted")


def test_gradio_client_may_give_a_history(client: Client, scripted: ScriptedAssistant) -> None:
    history = [{"role": "user", "content": BELL}, {"role": "assistant", "content": "Mara Quist."}]
    assert client.predict(SKY, history, api_name="/answer")["refused"]
    assert scripted.asked[-1] == (SKY, history)


def test_an_error_reaches_the_program_in_our_words(client: Client) -> None:
    with pytest.raises(AppError, match=r"broke</b>\. Ask again\."):
        client.predict("Please fail", api_name="/answer")


def test_answer_is_the_only_endpoint_and_is_documented(client: Client) -> None:
    info = client.view_api(return_format="dict", print_info=False)
    assert list(info["named_endpoints"]) == ["/answer"]
    assert info["unnamed_endpoints"] == {}
    parameters = info["named_endpoints"]["/answer"]["parameters"]
    assert [p["parameter_name"] for p in parameters] == ["question", "history"]
    assert info["named_endpoints"]["/answer"]["description"].startswith("Answer a question from the articles")


def test_gradio_client_signs_in_where_a_password_is_demanded(scripted: ScriptedAssistant, serve: Callable[..., Served]) -> None:
    locked = serve(scripted, auth=("reader", "long enough"))
    client = Client(locked.url, auth=("reader", "long enough"), verbose=False, analytics_enabled=False)
    assert client.predict(BELL, api_name="/answer")["claims"]


def call_tool(url: str, arguments: dict[str, Any], headers: dict[str, str] | None = None) -> tuple[list[Any], Any]:
    """Return an MCP server's tools and what its tool `answer` gives."""
    pytest.importorskip("mcp", reason="the extra mcp is not installed")
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def call() -> tuple[list[Any], Any]:
        async with (
            httpx.AsyncClient(headers=headers, timeout=30) as http,
            streamable_http_client(f"{url}/mcp/", http_client=http) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            tools = (await session.list_tools()).tools
            return tools, await session.call_tool("answer", arguments)

    return asyncio.run(call())


def test_the_mcp_tool_gives_the_same_answer(scripted: ScriptedAssistant, serve: Callable[..., Served]) -> None:
    tools, result = call_tool(serve(scripted, mcp=True).url, {"question": BELL})
    assert [tool.name for tool in tools] == ["answer"]
    assert tools[0].description.startswith("Answer a question from the articles")
    assert not result.isError
    assert result.structuredContent["claims"] == [
        {**claim, "citations": list(claim["citations"])} for claim in scripted.answer(BELL).to_dict()["claims"]
    ]


def test_the_mcp_tool_tells_errors_in_our_words(scripted: ScriptedAssistant, serve: Callable[..., Served]) -> None:
    _, result = call_tool(serve(scripted, mcp=True).url, {"question": "Please fail"})
    assert result.isError
    assert "The model <b>broke</b>. Ask again." in result.content[0].text


def test_the_mcp_server_demands_the_password_too(scripted: ScriptedAssistant, serve: Callable[..., Served]) -> None:
    locked = serve(scripted, mcp=True, auth=("reader", "long enough"))
    assert httpx.post(f"{locked.url}/mcp/", json={}).status_code == 401
    assert httpx.post(f"{locked.url}/mcp/", json={}, auth=("reader", "wrong")).status_code == 401
    key = base64.b64encode(b"reader:long enough").decode()
    assert not call_tool(locked.url, {"question": BELL}, {"Authorization": f"Basic {key}"})[1].isError
