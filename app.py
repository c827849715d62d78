"""The chat window: python app.py

Turns the steps of an Answer into chat messages. Article and model text is always escaped; only our own marks are HTML.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported

import gradio as gr

from rag import Answer, Assistant, Claim, RagError
from rag.types import Event

PHASES = {"search": "Searching the articles", "read": "Reading {}", "check": "Checking the claims", "claim": "Checking the claims"}
CSS = """
.footnotes { font-size: .9em; border-top: 1px solid var(--border-color-primary); margin-top: 1em; padding-top: .5em }
.footnotes blockquote { margin: .25em 0 .75em; white-space: normal }
.footnote { font-size: .75em; vertical-align: super }
"""


def claim_html(claim: Claim) -> str:
    """Return a claim as a paragraph with its footnote marks."""
    marks = "".join(f'<a class="footnote" href="#note-{c.number}" title="{html.escape(c.quote)}">[{c.number}]</a>' for c in claim.citations)
    return f"<p>{html.escape(claim.text)} {marks}</p>"


def answer_html(answer: Answer) -> str:
    """Return an answer as HTML: its claims, then each quote under its article's name."""
    if answer.refused:
        return f"<p>{html.escape(answer.text)}</p>"
    lead = "<p><strong>The articles differ.</strong></p>" if answer.disagreement else ""
    notes = "".join(
        f'<div id="note-{c.number}">[{c.number}] {html.escape(c.source)}<blockquote>{html.escape(c.quote)}</blockquote></div>'
        for c in answer.citations
    )
    return f'{lead}{"".join(map(claim_html, answer.claims))}<div class="footnotes">{notes}</div>'


def messages(events: Iterator[Event]) -> Iterator[str]:
    """Yield the growing HTML of one reply."""
    shown = ""
    for event in events:
        if event.answer:
            yield answer_html(event.answer)
            return
        if event.claim:
            shown += claim_html(event.claim)
        phase = PHASES[event.stage].format(html.escape(event.detail))
        yield f"{shown}<p><em>{phase}… {event.elapsed:.1f} s</em></p>"


def starters(corpus: Path, count: int = 4) -> list[str]:
    """Return example questions from the corpus' own question file: the first answerable one of each type."""
    try:
        lines = (corpus / "questions.jsonl").read_text(encoding="utf-8").splitlines()
        records = [json.loads(line) for line in lines if line.strip()]
        first = {r["type"]: str(r["question"]) for r in reversed(records) if r["answerable"] and not r.get("history")}
    except (OSError, ValueError, KeyError):
        return []
    return list(first.values())[:count]


def build(assistant: Assistant) -> gr.Blocks:
    """Return the window over an assistant."""

    def reply(message: str, history: list[dict[str, object]]) -> Iterator[str]:
        turns = [{"role": str(turn["role"]), "content": _text(turn["content"])} for turn in history]
        try:
            yield from messages(assistant.stream(message, turns))
        except RagError as error:
            raise gr.Error(html.escape(str(error)), print_exception=False) from error

    with gr.Blocks(title="Footnote", analytics_enabled=False) as window:
        gr.ChatInterface(
            reply,
            chatbot=gr.Chatbot(label="Answers", render_markdown=False, sanitize_html=True, height="70vh"),
            examples=starters(assistant.settings.corpus_path),
            title="Footnote",
            description="Answers from the articles, with a footnote on every claim.",
            analytics_enabled=False,
            save_history=False,
            api_name="chat",
        )
    return window


def _text(content: object) -> str:
    """Return the text of a chat message in any of the forms Gradio keeps it in."""
    if isinstance(content, list):
        return " ".join(_text(part) for part in content)
    return str(content.get("text", "")) if isinstance(content, dict) else str(content)


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the window on loopback; return the exit status."""
    parser = argparse.ArgumentParser(prog="python app.py", description="Open the chat window.")
    parser.add_argument("--corpus", metavar="DIR", help="folder of articles (default: corpus/)")
    parser.add_argument("--model", help="a GGUF's path or its name in models/ (default: the bundled model)")
    parser.add_argument("--port", type=int, default=7860, help="port on this machine (default: 7860)")
    options = parser.parse_args(arguments)
    try:
        assistant = Assistant(options.corpus, options.model)
        build(assistant).queue(max_size=8).launch(
            server_name="127.0.0.1", server_port=options.port, share=False, show_error=False, css=CSS,
            max_file_size="1mb", allowed_paths=[], mcp_server=False,
        )  # fmt: skip
    except RagError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error}. Choose another port with --port.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
