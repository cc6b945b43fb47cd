// The page of a run: one stream brings what is new of the log, the figures, and where the walk stands in the picture. In a background
// tab the stream is closed; it goes on behind the last line that was seen.
import { picture } from "./run-picture.js";

const MOST_LINES = 2_000; // in the page; earlier ones are a link away
const PATIENCE = 3_000, AGAIN = 3_000, SPOKEN = 5_000; // milliseconds
const chip = document.querySelector("[data-reconnecting]");
const said = document.querySelector("[data-said]");
let source = null;
let last = Number(region()?.dataset.last);
let late = 0, spokenAt = 0, follows = true;

function region() {
  return document.querySelector("[data-stream]");
}

function open() {
  if (source || document.hidden || !region()) return;
  source = new EventSource(`${region().dataset.stream}?after=${last}`);
  source.onopen = arrived;
  source.onmessage = (event) => {
    arrived();
    take(Number(event.lastEventId), JSON.parse(event.data));
  };
  source.addEventListener("end", end);
  source.onerror = lost;
}

function close() {
  source?.close();
  source = null;
}

function arrived() {
  clearTimeout(late);
  late = 0;
  chip.hidden = true;
}

function lost() {
  late ||= setTimeout(() => (chip.hidden = false), PATIENCE);
  if (source?.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
  close();
  setTimeout(open, AGAIN);
}

function end() {
  close();
  arrived();
  refresh();
}

function take(number, part) {
  if (!(number > last)) return;
  last = number;
  append(part.rows);
  const before = document.getElementById("head").dataset.phase;
  exchange("head", part.head);
  exchange("kept", part.kept);
  picture(part, follows);
  speak();
  if (document.getElementById("head").dataset.phase !== before) refresh();
}

function append(rows) {
  const log = document.querySelector("[data-log][data-tail]");
  if (!log) return;
  const body = log.querySelector("tbody");
  body.append(...fragment(`<table><tbody>${rows}</tbody></table>`).querySelector("tbody").childNodes);
  while (body.rows.length > MOST_LINES) body.rows[0].remove();
  if (follows) log.scrollTop = log.scrollHeight;
}

function exchange(id, html) {
  const old = document.getElementById(id);
  const fresh = fragment(html).getElementById(id);
  if (!old || old.contains(document.activeElement) || old.outerHTML === fresh.outerHTML) return;
  old.replaceWith(fresh);
}

function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

function speak() {
  if (Date.now() - spokenAt < SPOKEN) return;
  spokenAt = Date.now();
  said.textContent = document.querySelector("[data-sentence]").textContent;
}

// The buttons and facts belong to the person who looks, so they come with the page and not with the stream.
async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const buttons = document.querySelector(".head .toolbar");
  if (!buttons.contains(document.activeElement) || document.activeElement.matches("button, summary")) {
    buttons.replaceWith(fresh.querySelector(".head .toolbar"));
  }
  if (fresh.querySelector("[data-stream]")) return;
  document.getElementById("run").replaceWith(fresh.getElementById("run"));
  toEnd();
  said.textContent = document.querySelector("[data-sentence]").textContent;
}

function toEnd() {
  const log = document.querySelector("[data-log][data-tail]");
  const target = document.getElementById(location.hash.slice(1));
  if (target?.matches("tr")) target.scrollIntoView({ block: "center" });
  else if (log) log.scrollTop = log.scrollHeight;
}

function setFollow(wanted) {
  follows = wanted;
  document.querySelector("[data-follow]")?.setAttribute("aria-pressed", String(wanted));
  if (wanted) toEnd();
}

addEventListener("click", (event) => {
  if (event.target.closest?.("[data-follow]")) setFollow(!follows);
});
addEventListener(
  "scroll",
  (event) => {
    const log = event.target;
    if (!log.matches?.("[data-log][data-tail]")) return;
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    if (atEnd !== follows) setFollow(atEnd);
  },
  { capture: true, passive: true },
);
document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
addEventListener("pagehide", close);
addEventListener("pageshow", open);
toEnd();
open();
