// The page's own behaviour: footnotes and highlights that find each other, the source drawer, and the keyboard.
// Gradio runs this when the conversation is drawn, with `element`, `trigger` and `watch` of that component; the other
// components have made themselves known in window.footnote.
const parts = (window.footnote ??= {});
const narrow = window.matchMedia("(max-width: 900px)");
const still = window.matchMedia("(prefers-reduced-motion: reduce)");
const opened = new Set(); // disclosures the reader has opened, kept over redrawing
let shownTurn = -1; // the turn whose citations the panel shows
let drawerFrom = null; // what had the focus when the drawer opened
let latest = 0; // counts what the panel was asked to show; an answer that comes late is dropped
let shown = { article: "", spots: [] }; // what the panel shows

const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const turnOf = (node) => node.closest(".turn");
const numberOf = (turn) => Number(turn.dataset.turn);
const running = () => one(".turns", element)?.dataset.running === "true";
const drawn = () => new Promise((done) => setTimeout(done, 0));

// Footnote to source, and back

async function show(article, spots, number) {
  const mine = ++latest;
  const html = await parts.panel.server.source({ article, spots });
  if (mine !== latest) return;
  shown = { article, spots };
  parts.panel.props.value = html;
  await drawn();
  point(all(`#panel mark[data-numbers~="${number}"]`));
}

// Draws the panel anew when the corpus has changed; the focus was in what is gone
parts.shownAgain = async (article) => {
  await show(article, article === shown.article ? shown.spots : [], -1);
  one("#panel h2").focus();
};

function point(targets) {
  all(".lit").forEach((node) => node.classList.remove("lit"));
  if (!targets.length) return;
  targets[0].scrollIntoView({ behavior: still.matches ? "auto" : "smooth", block: "center" });
  void targets[0].offsetWidth; // lets the pulse begin anew
  targets.forEach((node) => node.classList.add("lit"));
}

function showFootnote(button) {
  const turn = turnOf(button);
  const spots = JSON.parse(turn.dataset.spots);
  const spot = spots.find((s) => s.number === Number(button.dataset.number));
  if (!spot) return;
  shownTurn = numberOf(turn);
  if (narrow.matches) card.hidden = true;
  drawer(true, button);
  return show(spot.article_id, spots.filter((s) => s.article_id === spot.article_id), spot.number);
}

function showClaim(number) {
  drawer(false);
  const turn = one(`.turn[data-turn="${shownTurn}"]`, element);
  const claim = turn && one(`.claim[data-numbers~="${number}"]`, turn);
  point(claim ? [claim] : []);
  one(`.mark[data-number="${number}"]`, claim ?? element)?.focus({ preventScroll: true });
}

function drawer(open, from = null) {
  if (!narrow.matches || open === document.body.classList.contains("drawer")) return;
  document.body.classList.toggle("drawer", open);
  one('[data-do="drawer"]').setAttribute("aria-expanded", String(open));
  if (open) {
    drawerFrom = from;
    one("#panel h2").focus();
  } else {
    drawerFrom?.focus();
  }
}

// The quote beside the pointer

const card = Object.assign(document.createElement("div"), { id: "quote", role: "tooltip", hidden: true });
document.body.append(card);

function preview(button) {
  const spot = JSON.parse(turnOf(button).dataset.spots).find((s) => s.number === Number(button.dataset.number));
  if (!spot) return;
  const quote = Object.assign(document.createElement("p"), { textContent: `“${spot.quote}”`, dir: "auto" });
  const where = [spot.source, spot.date, spot.edition].filter(Boolean).join(" · ");
  card.replaceChildren(quote, Object.assign(document.createElement("p"), { className: "kicker", textContent: where }));
  card.hidden = false;
  const at = button.getBoundingClientRect();
  const edge = narrow.matches ? window.innerWidth : one("#talk").getBoundingClientRect().right; // so that it does not cover the source
  const left = Math.min(at.left, edge - card.offsetWidth - 12);
  const below = at.bottom + 6; // so that it does not cover the claim
  const top = below + card.offsetHeight < window.innerHeight ? below : at.top - card.offsetHeight - 6;
  card.style.translate = `${Math.max(12, left)}px ${Math.max(12, top)}px`;
  button.setAttribute("aria-describedby", "quote");
}

let leaving;
const keepCard = () => clearTimeout(leaving);
const dropCard = (wait) => {
  clearTimeout(leaving);
  leaving = setTimeout(() => (card.hidden = true), wait);
};
for (const [enter, leave] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
  document.addEventListener(enter, (event) => {
    const button = event.target.closest?.('[data-do="show"]');
    if (button) keepCard(), preview(button);
    else if (card.contains(event.target)) keepCard();
  });
  document.addEventListener(leave, (event) => {
    if (event.target.closest?.('[data-do="show"], #quote')) dropCard(leave === "pointerout" ? 150 : 0);
  });
}

// What the buttons do

const actions = {
  show: (button) => showFootnote(button),
  back: (button) => showClaim(Number(button.dataset.number)),
  peek(button) {
    const { article, start, end } = button.dataset;
    drawer(true, button);
    return show(article, [{ number: 0, start: Number(start), end: Number(end) }], 0);
  },
  open: (button) => show(button.dataset.article, [], -1),
  list: () => show("", [], -1),
  drawer: (button) => drawer(true, button),
  close: () => drawer(false),
  ask: (button) => running() || trigger("submit", { question: button.textContent }),
  retry: (button) => running() || trigger("retry", { turn: numberOf(turnOf(button)) }),
  like: (button) => rate(turnOf(button), button.ariaPressed === "true" ? null : button.dataset.liked === "true", ""),
  copy: (button) => copy(button.dataset.text).then(() => say(button, "Copied")),
  edit: (button) => editing(turnOf(button), true),
  cancel: (button) => editing(turnOf(button), false),
  clear() {
    const count = all(".turn", element).length;
    if (!running() && (count === 0 || window.confirm(`Erase this conversation (${count} ${count === 1 ? "question" : "questions"})?`)))
      parts.bar.trigger("clear");
  },
  export(button) {
    button.closest("details").open = false;
    parts.bar.trigger("download", { format: button.dataset.format });
  },
  theme() {
    const dark = document.body.classList.toggle("dark");
    localStorage.setItem("footnote-theme", dark ? "dark" : "light");
  },
  again: () => parts.notice.trigger("submit"),
};

function rate(turn, liked, reason) {
  if (!running()) trigger("like", { turn: numberOf(turn), liked, reason });
}

function editing(turn, on) {
  const form = one("form.edit", turn);
  form.hidden = !on;
  turn.classList.toggle("editing", on);
  if (on) form.elements[0].focus();
  else one('[data-do="edit"]', turn).focus();
}

const said = Object.assign(document.createElement("p"), { id: "said", role: "status" }); // for screen readers
document.body.append(said);

function say(button, text) {
  const before = button.textContent;
  button.textContent = said.textContent = text;
  setTimeout(() => (button.textContent = before), 1500);
}

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = Object.assign(document.createElement("textarea"), { value: text }); // plain http has no clipboard API
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

parts.save = (file) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([file.text], { type: file.type }));
  link.download = file.name;
  link.click();
  URL.revokeObjectURL(link.href);
};

document.addEventListener("click", (event) => {
  const menu = one(".menu[open]");
  if (menu && !menu.contains(event.target)) menu.open = false;
  const button = event.target.closest("[data-do]");
  if (button) actions[button.dataset.do]?.(button);
  else if (event.target.closest("#panel mark")) showClaim(Number(event.target.closest("mark").dataset.numbers.split(" ")[0]));
  else if (document.body.classList.contains("drawer") && !event.target.closest("#panel, #note")) drawer(false);
});

document.addEventListener("click", (event) => {
  if (event.target.closest("#box .submit-button") && !one("#box textarea").value.trim()) event.stopPropagation();
}, true);

document.addEventListener("submit", (event) => {
  const turn = turnOf(event.target);
  if (!turn) return;
  event.preventDefault();
  if (event.target.matches(".edit")) {
    const question = event.target.elements[0].value.trim();
    if (question && !running()) trigger("edit", { turn: numberOf(turn), question });
  } else {
    rate(turn, one('[aria-pressed="true"]', turn).dataset.liked === "true", event.target.elements.reason.value);
    say(event.submitter, "Saved");
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && event.target.matches("#box textarea") && (running() || !event.target.value.trim())) {
    event.preventDefault(); // what is typed waits for the answer, and nothing is no question
    event.stopPropagation();
  }
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target.matches("form.edit textarea")) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
  if (event.key !== "Escape") return;
  const menu = one(".menu[open]");
  if (menu) menu.open = false;
  else if (!card.hidden) card.hidden = true;
  else if (document.body.classList.contains("drawer")) drawer(false);
  else if (event.target.matches("form.edit textarea")) editing(turnOf(event.target), false);
  else if (running()) one("#box .stop-button")?.click();
}, true);

// Whenever the conversation has been drawn again

document.addEventListener("toggle", (event) => {
  const key = event.target.dataset?.key;
  if (key) opened[event.target.open ? "add" : "delete"](`${numberOf(turnOf(event.target))} ${key}`);
}, true);

let clock = 0;
let was = ""; // how many turns there were, and whether the last was in the making
function redrawn() {
  for (const details of all("details[data-key]", element)) {
    if (opened.has(`${numberOf(turnOf(details))} ${details.dataset.key}`)) details.open = true;
  }
  const phase = one(".phase", element);
  if (phase) clock = performance.now() - 1000 * Number(phase.dataset.elapsed);
  const turns = all(".turn", element);
  const now = `${turns.length} ${running()}`;
  if (now !== was && turns.length) {
    turns.at(-1).scrollIntoView({ behavior: still.matches ? "auto" : "smooth", block: "start" });
    const first = !running() && one('[data-do="show"]', turns.at(-1));
    if (first && !narrow.matches) showFootnote(first);
  }
  was = now;
}

setInterval(() => {
  const seconds = one(".clock", element);
  if (seconds) seconds.textContent = ` ${((performance.now() - clock) / 1000).toFixed(1)} s`;
}, 100);

watch("value", redrawn);
parts.bar.watch("value", async () => { // the articles have been read by now, or have changed
  if (one('#panel [data-article=""]')) actions.list();
  const html = one(".welcome", element) && (await server.welcome({}));
  if (html && one(".welcome", element)) props.value = html; // unless a question was asked meanwhile
});
const chosen = localStorage.getItem("footnote-theme");
if (chosen) document.body.classList.toggle("dark", chosen === "dark");
