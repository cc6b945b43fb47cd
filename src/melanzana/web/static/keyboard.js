// Shortcuts: `?` lists them, `/` searches, `g` and a letter go somewhere, `j` `k` choose a row, Enter opens it, `[` `]` go to the neighbours,
// `.` to the buttons, Esc lets go.
// Never with a modifier and never while somebody types.
const WAIT = 1200; // milliseconds between `g` and its letter
let wentAt = 0;

const goals = new Map([...document.querySelectorAll("a[data-key]")].map((link) => [link.dataset.key, link]));
for (const [key, link] of goals) {
  const term = document.createElement("dt");
  term.append(kbd("g"), " ", kbd(key));
  const meaning = document.createElement("dd");
  meaning.textContent = link.textContent;
  document.querySelector("[data-keys]")?.append(term, meaning);
}

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (act(event)) event.preventDefault();
});

function act(event) {
  const { key } = event;
  if (event.timeStamp - wentAt < WAIT && goals.has(key)) {
    wentAt = 0;
    goals.get(key).click();
    return true;
  }
  wentAt = key === "g" ? event.timeStamp : 0;
  if (key === "?") document.getElementById("keys").showModal();
  else if (key === "/") return focus("input[type=search]");
  else if (key === "j" || key === "k") return choose(key === "j" ? 1 : -1);
  else if (key === "[" || key === "]") return click(`a[data-shortcut="${key}"]`);
  else if (key === ".") return focusFirst(".head .toolbar :is(a, button, summary)");
  else if (key === "Enter") return open(event.target);
  else if (key === "Escape") row()?.classList.remove("chosen");
  else return false;
  return key !== "Escape";
}

function focus(selector) {
  const field = document.querySelector(selector);
  field?.focus();
  field?.select();
  return Boolean(field);
}

function click(selector) {
  const link = document.querySelector(selector);
  link?.click();
  return Boolean(link);
}

function focusFirst(selector) {
  const found = document.querySelector(selector);
  found?.focus();
  return Boolean(found);
}

function row() {
  return document.querySelector("tr.chosen");
}

function choose(step) {
  const rows = [...document.querySelectorAll("main tbody tr")];
  if (!rows.length) return false;
  const before = rows.indexOf(row());
  const next = rows[Math.min(Math.max(before < 0 ? (step > 0 ? 0 : rows.length - 1) : before + step, 0), rows.length - 1)];
  row()?.classList.remove("chosen");
  next.classList.add("chosen");
  next.scrollIntoView({ block: "nearest" });
  return true;
}

function open(target) {
  const link = target === document.body || target.id === "content" ? row()?.querySelector("a[href]") : null;
  link?.click();
  return Boolean(link);
}

function isTyping(target) {
  return target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]") ?? false;
}

function kbd(text) {
  const key = document.createElement("kbd");
  key.textContent = text;
  return key;
}
