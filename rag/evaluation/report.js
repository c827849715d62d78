"use strict";
const rows = [...document.querySelectorAll(".questions tbody tr")];
const controls = [...document.querySelectorAll(".filters input, .filters select")];
const shown = document.querySelector(".filters output");
const words = rows.map((row) => row.textContent.toLowerCase());

function filter() {
  const [search, outcome, type] = controls.map((control) => control.value.toLowerCase().trim());
  let count = 0;
  rows.forEach((row, i) => {
    const fits = words[i].includes(search)
      && (!outcome || row.dataset.outcome === outcome || row.dataset.cause === outcome)
      && (!type || row.dataset.type.toLowerCase() === type);
    row.hidden = !fits;
    count += fits;
  });
  shown.textContent = `${count} of ${rows.length} shown`;
}

controls.forEach((control) => control.addEventListener("input", filter));
document.querySelector(".filters").hidden = false;
filter();
