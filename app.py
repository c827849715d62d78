"""The chat window: python app.py

Opens it on this machine only, unless --host says otherwise; then it demands a password.
"""

from __future__ import annotations

import argparse
import getpass
import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag import RagError
from rag.window.guard import is_loopback
from rag.window.serve import Door, forget_gradio_settings, listen, serve

if TYPE_CHECKING:
    from rag.window.shelf import Rights


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the window and serve it until Ctrl-C; return the exit status: 0 ended, 1 an error with its message on stderr."""
    options = parser().parse_args(arguments)
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)  # of the handler, since some libraries set their own loggers to DEBUG
    logging.basicConfig(handlers=[handler], format="%(levelname)s %(name)s: %(message)s")
    try:
        door = Door(options.host, options.port, credentials(options.auth), options.mcp)
        opened = listen(door)
        forget_gradio_settings()
        from rag.pipeline import Assistant
        from rag.window.page import Page

        page = Page(Assistant(options.corpus, options.model), rights=rights(door.host, manage=options.manage))
        print(f"Footnote is at {door.address} (Ctrl-C ends it).", flush=True)
        if door.mcp:
            print(f"Its MCP server is at {door.address}/mcp/ (streamable HTTP).", flush=True)
        serve(page, door, opened)
    except RagError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    line = argparse.ArgumentParser(prog="python app.py", description="Open the chat window.")
    line.add_argument("--corpus", metavar="DIR", help="folder of articles (default: corpus/)")
    line.add_argument("--model", metavar="NAME", help="a GGUF's path or its name in models/ (default: the bundled model)")
    line.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine only)")
    line.add_argument("--port", type=int, default=7860, help="port to listen on (default: 7860)")
    line.add_argument("--auth", metavar="NAME[:PASSWORD]", help="demand a password; asks for it where only a name is given")
    line.add_argument("--mcp", action="store_true", help="also offer the answers as an MCP tool (needs the extra mcp)")
    line.add_argument("--manage", action="store_true", help="let the page add articles (files, web addresses) and remove them")
    return line


def rights(host: str, *, manage: bool) -> Rights:
    """Return what a page may change: everything if asked for, and where only this machine can reach it, originals in any case."""
    from rag.window.shelf import Rights

    return Rights(originals=manage or is_loopback(host), articles=manage)


def credentials(auth: str | None) -> tuple[str, str] | None:
    """Return a name and its password from --auth, asking for the password in the terminal where it is not given."""
    if auth is None:
        return None
    name, given, password = auth.partition(":")
    return name, password if given else getpass.getpass(f"Password for {name}: ")


if __name__ == "__main__":
    sys.exit(main())
