"""The page to a web server on this machine: binding, guarding, and every exposure that Gradio offers set by hand."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.errors import SettingsError
from rag.window.guard import LARGEST_DROP, LARGEST_REQUEST, Guard, is_loopback, own_names
from rag.window.tool import PATH, mcp_server

if TYPE_CHECKING:
    from fastapi import FastAPI

    from rag.window.page import Page

SHORTEST_PASSWORD = 8


@dataclass(frozen=True, slots=True)
class Door:
    """Where and to whom the page is open. `auth` is (name, password); anything but loopback demands one."""

    host: str = "127.0.0.1"
    port: int = 7860
    auth: tuple[str, str] | None = None
    mcp: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise SettingsError(f"--port {self.port} is no port; choose one from 1024 to 65535, such as 7860.")
        if not is_loopback(self.host) and self.auth is None:
            raise SettingsError(
                f"--host {self.host} opens the page to other machines, so it needs a password. Add --auth NAME (it asks for the password)."
            )
        if self.auth and (not self.auth[0] or len(self.auth[1]) < SHORTEST_PASSWORD):
            raise SettingsError(f"--auth needs a name and a password of at least {SHORTEST_PASSWORD} characters: NAME or NAME:PASSWORD.")
        if self.mcp and importlib.util.find_spec("mcp") is None:
            raise SettingsError('--mcp needs the package mcp, which is not installed. Run: pip install "footnote-rag[mcp]"')

    @property
    def address(self) -> str:
        """The page's address for a browser on this machine."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104  # compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def forget_gradio_settings() -> None:
    """Drop every GRADIO_* variable: they can open the page to the network, and Footnote takes its own options only."""
    for name in [name for name in os.environ if name.startswith("GRADIO_")]:
        del os.environ[name]
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported


def listen(door: Door) -> socket.socket:
    """Return a socket that listens at the door.

    Raises:
        SettingsError: the port is taken or not allowed, or the host is none of this machine.
    """
    try:
        family, *_, address = socket.getaddrinfo(door.host, door.port, type=socket.SOCK_STREAM)[0]
        opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.bind(address)
            opened.listen(128)
        except OSError:
            opened.close()
            raise
    except OSError as error:
        raise SettingsError(
            f"Footnote cannot listen on {door.host} port {door.port}: {error.strerror or error}. Choose another with --port (or --host)."
        ) from error
    return opened


def application(page: Page, door: Door) -> FastAPI:
    """Return the web application: the page mounted behind the guard, with nothing of Gradio's left to the environment."""
    import gradio as gr
    from fastapi import FastAPI
    from starlette.middleware import Middleware

    from rag.window.page import ASSETS, asset, theme

    largest = LARGEST_DROP if page.rights.articles else LARGEST_REQUEST
    guard = Middleware(Guard, names=own_names(door.host), basic={PATH: door.auth} if door.auth else {}, largest=largest)
    outer = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, middleware=[guard])
    if door.mcp:
        server = mcp_server(page.desk)
        outer.mount(PATH, server.streamable_http_app())
        outer.router.lifespan_context = lambda _: server.session_manager.run()
    page.blocks.vibe_mode = False
    gr.mount_gradio_app(
        outer, page.blocks, path="/", server_name=door.host, server_port=door.port, root_path="",
        auth=door.auth, auth_message="Footnote: sign in to ask the articles.",
        allowed_paths=[], blocked_paths=["/"], max_file_size="1kb", show_error=False, footer_links=[], run_history=False,
        ssr_mode=False, enable_monitoring=False, pwa=False, mcp_server=False, favicon_path=str(ASSETS / "icon.png"),
        theme=theme(), head=f"<style>{asset('window.css')}</style>", app_kwargs={"openapi_url": None, "docs_url": None, "redoc_url": None},
    )  # fmt: skip
    return outer


def serve(page: Page, door: Door, opened: socket.socket) -> None:
    """Serve the page on a listening socket until the process is told to end (SIGINT or SIGTERM)."""
    import uvicorn

    config = uvicorn.Config(application(page, door), log_level="warning", access_log=False, timeout_graceful_shutdown=2)
    page.startup.start()
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[opened])
