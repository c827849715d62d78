// Changing the corpus from the source panel: originals, and with --manage files, web addresses and removal.
// Gradio runs this when the note is drawn; what it says is in window.footnote.note, the rest in window.js.
const LARGEST = 32 * 1024 * 1024;
const parts = window.footnote;
const busy = () => element.querySelector('[data-state="busy"]') !== null;
const wish = (name, detail) => busy() || parts.note.trigger("submit", { wish: name, ...detail });
const replaces = () => document.querySelector("#panel .replaces input").checked;

const inBase64 = (file) =>
  new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done({ name: file.name, data: reader.result.split(",")[1] ?? "" });
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(file);
  });

async function drop(input) {
  const files = [...input.files];
  if (files.reduce((sum, file) => sum + file.size, 0) > LARGEST) {
    window.alert("That is more than 32 MB. Drop fewer files at once, or use: python -m rag add FILE");
  } else if (files.length) {
    wish("drop", { files: await Promise.all(files.map(inBase64)), replaces: replaces() });
  }
  input.value = "";
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-wish]");
  if (!button) return;
  if (button.dataset.wish === "dismiss") {
    parts.note.props.value = "";
    document.querySelector("#panel h2").focus();
  } else if (!button.dataset.ask || window.confirm(button.dataset.ask)) {
    wish(button.dataset.wish, { article: button.dataset.article });
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("#panel .drop input")) drop(event.target);
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("#panel .fetch")) return;
  event.preventDefault();
  wish("fetch", { url: event.target.elements.url.value, replaces: replaces() });
});

watch("value", () => {
  for (const control of document.querySelectorAll("#panel [data-wish], #panel .add :is(input, button)")) control.disabled = busy();
  const done = element.querySelector('[data-state="done"]');
  if (done) parts.shownAgain(done.dataset.article);
});
