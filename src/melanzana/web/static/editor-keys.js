// The picture and the outline under a keyboard. Every key presses a button or goes to a field that is on the page anyway.
import { canvas } from "./editor-canvas.js";

const NUDGE = 20;

export function keys(send, visit) {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (handled(event, send, visit)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }, true);
}

function handled(event, send, visit) {
  const typing = event.target.closest?.("input:not([type=checkbox], [type=radio], [type=hidden]), textarea, select");
  const command = event.ctrlKey || event.metaKey;
  if (typing) return false;
  if (command) return withCommand(event);
  if (event.altKey) return event.key.startsWith("Arrow") && nudge(event.key, send);
  if (event.target.closest?.("#canvas") && event.key.startsWith("Arrow")) return walk(event.key);
  switch (event.key) {
    case "n": return focus("#add-state input[name=name]");
    case "a": return focus("#new-action");
    case "c": return focus("#add-to") || focus("#new-target");
    case "F2": return focus("#element input[name=name]");
    case "Delete": return press("#delete button");
    case "t": return press("#tidy button");
    case "+": return canvas.zoom(1.25) ?? true;
    case "-": return canvas.zoom(0.8) ?? true;
    case "0": return canvas.zoom(0) ?? true;
    case "f": return canvas.fit() ?? true;
    default: return false;
  }
}

function withCommand(event) {
  const key = event.key.toLowerCase();
  if (key === "z") return press(event.shiftKey ? "#redo button" : "#undo button");
  if (key === "y") return press("#redo button");
  if (key === "d") return press("#duplicate button");
  return false;
}

function focus(selector) {
  const field = document.querySelector(selector);
  field?.focus();
  field?.select?.();
  return Boolean(field);
}

function press(selector) {
  const button = document.querySelector(selector);
  if (button && !button.disabled) button.click();
  return Boolean(button);
}

// Up and down within a card, right along the first arrow, left to a card that leads here.
function walk(key) {
  const here = document.activeElement.closest("a");
  const card = here?.closest(".state");
  if (!card) return false;
  const links = [...card.querySelectorAll("a")];
  const at = links.indexOf(here);
  if (key === "ArrowUp") go(links[at - 1] ?? links.at(-1));
  if (key === "ArrowDown") go(links[at + 1] ?? links[0]);
  if (key === "ArrowRight") go(title(arrowFrom(here.closest(".row"), card)?.dataset.target));
  if (key === "ArrowLeft") go(title(leader(card)));
  return true;
}

function arrowFrom(row, card) {
  const rows = row ? [row] : [...card.querySelectorAll(".row")];
  return rows.map((one) => document.querySelector(`path[data-action="${CSS.escape(one.dataset.row)}"]`)).find(Boolean);
}

function leader(card) {
  const arrow = [...document.querySelectorAll(`path[data-target="${CSS.escape(card.dataset.id)}"]`)].find(
    (one) => !card.querySelector(`[data-row="${CSS.escape(one.dataset.action)}"]`),
  );
  return arrow && document.querySelector(`[data-row="${CSS.escape(arrow.dataset.action)}"]`).closest(".state").dataset.id;
}

function title(id) {
  return id && document.querySelector(`[data-id="${CSS.escape(id)}"] > a`);
}

function go(link) {
  if (!link) return;
  for (const other of document.querySelectorAll('#canvas a[tabindex="0"]')) other.setAttribute("tabindex", -1);
  link.setAttribute("tabindex", 0);
  link.focus();
}

function nudge(key, send) {
  const card = document.querySelector(".state.chosen, .state:has(.row.chosen), .state:has(a:focus)");
  if (!card) return false;
  const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  send({ op: "move", element: card.dataset.id, x: Number(card.dataset.x) + x * NUDGE, y: Number(card.dataset.y) + y * NUDGE });
  return true;
}
