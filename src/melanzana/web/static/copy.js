// Copy buttons, and secrets that are masked until somebody asks to see them.
import { announce } from "./announce.js";

const MASK = "•".repeat(24);
const secrets = new WeakMap();

for (const reveal of document.querySelectorAll("[data-reveal]")) {
  secrets.set(reveal, reveal.parentElement.querySelector("[data-secret]").textContent);
  show(reveal, false);
}

addEventListener("click", (event) => {
  const copy = event.target.closest?.("[data-copy]");
  const reveal = event.target.closest?.("[data-reveal]");
  if (copy) give(copy);
  if (reveal) show(reveal, reveal.getAttribute("aria-pressed") !== "true");
});

async function give(copy) {
  const done = await write(copy.dataset.copy);
  announce(done ? "Copied" : "This browser does not allow copying: select the text instead");
  if (done) copy.dispatchEvent(new CustomEvent("kept", { bubbles: true }));
}

function show(reveal, seen) {
  reveal.parentElement.querySelector("[data-secret]").textContent = seen ? secrets.get(reveal) : MASK;
  reveal.setAttribute("aria-pressed", String(seen));
  reveal.textContent = seen ? "Hide" : "Show";
}

async function write(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.body.appendChild(document.createElement("textarea"));
    area.value = text;
    area.select();
    const done = document.execCommand("copy"); // the only way on a plain http address
    area.remove();
    return done;
  }
}
