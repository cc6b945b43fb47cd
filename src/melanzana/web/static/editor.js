// The editing page: sends its forms and follows its links without loading the page anew, one after the other. What comes back is the
// same page that a browser without script gets; the part `#editor` of it takes the place of the old one.
import { canvas } from "./editor-canvas.js";
import { keys } from "./editor-keys.js";

let waiting = Promise.resolve();
let last = null; // the button that was pressed

const editor = () => document.getElementById("editor");

// Sends a gesture: the fields of a form, or those given. Gestures made meanwhile wait for their turn.
export function send(fields, then) {
  waiting = waiting.then(() => post(fields)).then((done) => done && then?.()).catch(failed);
  return waiting;
}

async function post(fields) {
  const { csrf, tag, position, view, select, action } = editor().dataset;
  const data = fields instanceof FormData ? fields : new FormData();
  if (!(fields instanceof FormData)) for (const [name, value] of Object.entries(fields)) data.append(name, value);
  for (const [name, value] of Object.entries({ csrf_token: csrf, seen: tag, position, view, select })) data.set(name, value);
  const answer = await fetch(action, { method: "POST", body: data });
  return show(answer, answer.ok);
}

export function visit(href, remember = true) {
  const go = async () => show(await fetch(href), remember);
  waiting = waiting.then(go).catch(failed);
  return waiting;
}

async function show(answer, remember) {
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const part = page.getElementById("editor");
  if (!part) {
    location.assign(answer.url); // the login, the published model, or an error
    return false;
  }
  replace(part, page.title);
  const address = new URL(answer.url);
  address.searchParams.delete("done");
  if (remember) history[address.search === location.search ? "replaceState" : "pushState"](null, "", address);
  return answer.ok;
}

function replace(part, title) {
  const before = editor();
  const kept = focused();
  const frame = before.querySelector("#canvas");
  const scrolled = frame && [frame.scrollLeft, frame.scrollTop];
  const told = part.dataset.told;
  before.replaceWith(part);
  document.title = title;
  document.querySelector("h1").textContent = title.split(" · ")[0];
  canvas.ready(scrolled);
  refocus(kept);
  if (told) document.querySelector("[data-announce]").textContent = told;
}

// Where the focus was: by id, by name in a form, or on a card or row.
function focused() {
  const element = document.activeElement;
  if (!editor().contains(element)) return null;
  const own = element.closest("[data-row], [data-id]");
  if (own) return () => document.querySelector(`[data-row="${own.dataset.row ?? ""}"] > a, [data-id="${own.dataset.id ?? ""}"] > a`);
  const form = element.closest("form")?.id;
  if (element.id) return () => document.getElementById(element.id);
  return form ? () => document.querySelector(`#${form} :is([name="${element.name}"], button)`) : null;
}

function refocus(find) {
  const found = find?.();
  if (found && !found.disabled) found.focus({ preventScroll: true });
  else if (find) document.querySelector(".chosen > a")?.focus({ preventScroll: true });
}

function failed(error) {
  document.querySelector("[data-announce]").textContent = "The server does not answer: nothing was changed";
  const notice = document.createElement("p");
  notice.className = "toast";
  notice.textContent = "The server does not answer. What you did last is not kept; do it again in a moment.";
  document.body.append(notice);
  setTimeout(() => notice.remove(), 6000);
  console.info(String(error));
}

addEventListener("click", (event) => {
  last = event.target.closest?.("button");
  const link = event.target.closest?.("a[data-choose]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  if (canvas.dragged()) return;
  visit(new URL(link.getAttribute("href"), location).href);
});

addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-gesture]")) return;
  event.preventDefault();
  const made = event.target.id === "add-state" || event.target.id === "add-action";
  send(new FormData(event.target, last?.form === event.target ? last : null), made ? () => again(event.target.id) : undefined);
});

// After something was added the next one can be typed at once.
function again(id) {
  document.querySelector(`#${id} input[name=name]`)?.focus({ preventScroll: true });
}

addEventListener("popstate", () => visit(location.href, false));

canvas.begin(send);
keys(send, visit);
