"""The assistant as a tool for other programs' models, over the Model Context Protocol. The only import of mcp.

Gradio's own MCP server asks itself over HTTP, which a password shuts out, and answers with a Python repr; the protocol's
own library answers with JSON and has no such detour.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from rag.errors import RagError
from rag.window.answering import UNEXPECTED, Desk, logger

if TYPE_CHECKING:
    from mcp.server.fastmcp import FastMCP

PATH = "/mcp"


def mcp_server(desk: Desk) -> FastMCP[Any]:
    """Return a server with one tool, `answer`, that gives what `Answer.to_dict()` gives."""
    import anyio
    from mcp.server.fastmcp import FastMCP
    from mcp.server.fastmcp.exceptions import ToolError
    from mcp.server.transport_security import TransportSecuritySettings

    async def answer(question: str, history: list[dict[str, str]] | None = None) -> dict[str, Any]:
        """Answer a question from the articles, with a footnote on every claim, or refuse where they do not hold the answer.

        Args:
            question: The question, in words, at most 2000 characters.
            history: The conversation before it, oldest first, as {"role": "user" or "assistant", "content": text}.

        Returns the answer's text, whether it was refused, whether the articles differ, its claims and citations (each quote
        with its article and character span), the passages found, the timings in seconds and the model's name.
        """
        try:
            found = await anyio.to_thread.run_sync(desk.answer, question, history)
        except RagError as error:
            raise ToolError(str(error)) from error
        except Exception as error:
            logger.exception("A program's question could not be answered.")
            raise ToolError(UNEXPECTED) from error
        return found.to_dict()

    server: FastMCP[Any] = FastMCP(
        "footnote", instructions="Answers questions from a small set of articles and cites them exactly.",
        stateless_http=True, json_response=True, streamable_http_path="/", log_level="WARNING",
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),  # the guard does that, for every route
    )  # fmt: skip
    server.add_tool(answer, description=inspect.getdoc(answer))
    return server
