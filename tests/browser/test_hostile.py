"""Nothing that an article, a model or a reader writes becomes markup, and nothing leaves the machine. Rows X3, X7, C8."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, ask
from tests.window.fakes import ScriptedAssistant, Served

SITE = "http://evil.example"
PAYLOADS = [
    f"<img src={SITE}/a onerror=alert(1)>",
    f"![beacon]({SITE}/b) [![x]({SITE}/c)](javascript:alert(2)) <{SITE}/d>",
    f"<script>fetch('{SITE}/e')</script><svg onload=alert(3)></svg><iframe srcdoc='<script>alert(4)</script>'></iframe>",
    f"<form action={SITE}/f><button>Send</button></form><style>@import url({SITE}/g)</style><meta http-equiv=refresh content='0;{SITE}'>",
    f"<video poster={SITE}/h></video><object data={SITE}/i></object><link rel=stylesheet href={SITE}/j>",
    "$$\\href{javascript:alert(5)}{x}$$ ```mermaid\ngraph TD; A-->B\n``` {{constructor.constructor('alert(6)')()}} ${alert(7)}",
    '</mark></p></div></article><h1>Free</h1> [2] &lt;b&gt; " onmouseover=alert(8) x="',
    "\u202etxet desrever\u202c and \u2066isolated\u2069",
]
OURS = {
    "ARTICLE", "ASIDE", "BDI", "BUTTON", "DD", "DETAILS", "DIV", "DL", "DT", "EM", "FORM", "H1", "H2", "H3", "H4", "HEADER", "INPUT",
    "LABEL", "LI", "MARK", "NAV", "OL", "P", "SECTION", "SPAN", "STRONG", "SUMMARY", "SUP", "TEXTAREA", "UL",
}  # fmt: skip


@pytest.fixture
def hostile(tmp_path: Path, serve: Callable[..., Served], open_page: Open) -> Page:
    """Return a page over an article made of attacks, with an answer that repeats them."""
    corpus = tmp_path / "hostile"
    corpus.mkdir()
    text = "\n\n".join(f"Attack number {i} says {payload}" for i, payload in enumerate(PAYLOADS))
    front = f"title: '<img src={SITE}/t onerror=alert(9)>'\npublisher: '<b>Bold</b>'\nurl: 'javascript:alert(10)'\nedition: '<i>fake</i>'"
    (corpus / "evil.md").write_text(f"---\n{front}\n---\n{text}\n", encoding="utf-8")
    assistant = ScriptedAssistant(corpus, tmp_path / "index")
    loaded = assistant.prepare().articles["evil"].text
    claims = [(payload.replace("\n", " "), "quoted", [("evil", payload)]) for payload in PAYLOADS if payload in loaded]
    assert len(claims) == len(PAYLOADS)
    assistant.says("Attack", *claims, differ=False)
    assistant.says("Differ", *claims, differ=True)
    page = open_page(serve(assistant).url)
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    page.wait_for_selector('[data-state="ready"]')
    return page


def foreign_elements(page: Page) -> list[str]:
    """Return the elements of the conversation and the panel that no template of ours writes."""
    names = page.eval_on_selector_all("#conversation .turns *, #panel *, #bar *, #quote *", "nodes => nodes.map(n => n.tagName)")
    return sorted(set(names) - OURS)


def test_article_and_model_text_stay_text(hostile: Page) -> None:
    """Row X3."""
    for question in ("Attack", "Differ", f"<img src={SITE}/q onerror=alert(11)> **bold** ![x]({SITE}/q2)"):
        ask(hostile, question)
    for mark in hostile.locator(".turn").first.locator(".claim .mark").all():
        mark.hover()
        mark.click()
    for summary in hostile.locator(".turn .how summary").all():
        summary.click()
    assert foreign_elements(hostile) == []
    expect(hostile.locator(".asked").nth(2)).to_have_text(f"<img src={SITE}/q onerror=alert(11)> **bold** ![x]({SITE}/q2)")
    expect(hostile.locator(".says bdi").first).to_have_text(PAYLOADS[0])
    expect(hostile.locator("#panel .title")).to_have_text(f"<img src={SITE}/t onerror=alert(9)>")
    hostile.reload()
    hostile.wait_for_selector(".turn")
    assert foreign_elements(hostile) == []


def test_only_web_addresses_become_links(hostile: Page) -> None:
    """Row C8."""
    ask(hostile, "Attack")
    hostile.locator(".claim .mark").first.click()
    expect(hostile.locator("#panel .edition")).to_have_text("Edition: <i>fake</i>.")
    assert hostile.locator("a").count() == 0


def test_marks_are_ours_alone(hostile: Page) -> None:
    """Row X7."""
    ask(hostile, "Attack")
    hostile.locator(".claim .mark").first.click()
    hostile.wait_for_selector("#panel mark")
    numbers = hostile.eval_on_selector_all("#panel .mark", "nodes => nodes.map(n => Number(n.textContent))")
    assert numbers == list(range(1, len(PAYLOADS) + 1))


def test_a_conversation_forged_in_the_browser_is_escaped_or_dropped(hostile: Page, tmp_path: Path) -> None:
    ask(hostile, "Attack")
    html = hostile.evaluate(
        "(spots) => window.footnote.panel.server.source({ article: 'evil', spots })",
        [{"number": 1, "start": -5, "end": 10**9, "quote": "<img src=x onerror=alert(12)>"}],
    )
    assert "<img" not in html
    assert "no longer holds" in html
    assert "<mark" not in hostile.evaluate("() => window.footnote.panel.server.source({ article: 'evil', spots: 'x' })")
    assert 'class="list"' in hostile.evaluate("() => window.footnote.panel.server.source({ article: '../evil' })")


def test_the_browser_itself_refuses_to_ask_another_host(page: Page) -> None:
    """Row X3."""
    refused = page.evaluate(
        "() => new Promise(done => { document.addEventListener('securitypolicyviolation', e => done(e.effectiveDirective));"
        " const image = new Image(); image.src = 'http://127.0.0.2:9/x.png'; })"
    )
    assert refused == "img-src"
    assert page.evaluate("() => fetch('http://127.0.0.2:9/').then(() => 'sent', () => 'refused')") == "refused"


def test_the_sign_in_page_asks_no_other_host_and_lets_the_reader_in(
    scripted: ScriptedAssistant, serve: Callable[..., Served], open_page: Open
) -> None:
    page = open_page(serve(scripted, auth=("reader", "long enough")).url, ready="text=sign in to ask the articles")
    page.get_by_label("username").fill("reader")
    page.get_by_label("password").fill("long enough")
    page.get_by_role("button", name="Login").click()
    page.wait_for_selector('[data-state="ready"]')
    ask(page, "Attack")
    expect(page.locator(".refusal")).to_be_visible()
