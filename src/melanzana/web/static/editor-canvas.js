// The picture under a mouse: cards are dragged by their title, the dot of an action to where it leads, an empty spot is double-clicked.
// Esc lets go. Every gesture ends as a form that the server answers; nothing here knows what a model may be.
const HEAD = 32, ROW = 24, GAP = 96;
let send;
let zoom = 1;
let drag = null; // what is under way: { move, drop, cancel }
let wasDragged = false;

const frame = () => document.getElementById("canvas");
const picture = () => frame()?.querySelector("svg");

export const canvas = {
  begin(sender) {
    send = sender;
    addEventListener("pointerdown", grab);
    addEventListener("pointermove", (event) => drag?.move(event));
    addEventListener("pointerup", (event) => finish(() => drag.drop(event)));
    addEventListener("pointercancel", () => finish(() => drag.cancel()));
    addEventListener("keydown", (event) => event.key === "Escape" && finish(() => drag.cancel()));
    addEventListener("dblclick", draw);
    addEventListener("dragstart", (event) => frame()?.contains(event.target) && event.preventDefault());
    this.ready();
    document.querySelector(".state.chosen, .state.start")?.scrollIntoView?.({ block: "nearest", inline: "nearest" });
  },
  // After the picture was put in anew: as near, and looking at the same spot, as before. One card takes part in Tab.
  ready(scrolled) {
    if (!picture()) return;
    scale();
    if (scrolled) [frame().scrollLeft, frame().scrollTop] = scrolled;
    const links = [...picture().querySelectorAll("a")];
    const first = picture().querySelector(".chosen > a") ?? picture().querySelector(".start > a") ?? links[0];
    for (const link of links) link.setAttribute("tabindex", link === first ? 0 : -1);
  },
  zoom(factor) {
    zoom = factor === 0 ? 1 : Math.min(Math.max(zoom * factor, 0.2), 2.5);
    scale();
  },
  fit() {
    const box = picture()?.viewBox.baseVal;
    if (!box) return;
    zoom = Math.min(frame().clientWidth / box.width, frame().clientHeight / box.height, 1);
    scale();
  },
  // Whether the click that comes now ended a drag.
  dragged() {
    const was = wasDragged;
    wasDragged = false;
    return was;
  },
};

function scale() {
  const svg = picture();
  if (!svg) return;
  svg.setAttribute("width", Math.round(svg.viewBox.baseVal.width * zoom));
  svg.setAttribute("height", Math.round(svg.viewBox.baseVal.height * zoom));
}

function finish(how) {
  if (!drag) return;
  try {
    how();
  } finally {
    drag = null;
  }
}

function grab(event) {
  wasDragged = false;
  if (event.button !== 0 || !frame()?.contains(event.target)) return;
  const handle = event.target.closest(".handle");
  const title = event.target.closest(".title");
  if (handle) drag = connecting(handle.closest(".row"), event);
  else if (title) drag = moving(title.closest(".state"), event);
  if (drag) event.preventDefault();
}

// The point of the model under the pointer.
function spot(event) {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture().getScreenCTM().inverse());
  return { x: Math.round(point.x), y: Math.round(point.y) };
}

function moving(card, event) {
  const from = spot(event);
  const x = Number(card.dataset.x), y = Number(card.dataset.y);
  let to = { x, y };
  return {
    move(now) {
      const at = spot(now);
      to = { x: x + at.x - from.x, y: y + at.y - from.y };
      if (!wasDragged && Math.hypot(at.x - from.x, at.y - from.y) < 4) return;
      wasDragged = true;
      card.classList.add("moving");
      put(card, to.x, to.y, x, y);
    },
    drop() {
      card.classList.remove("moving");
      if (wasDragged) send({ op: "move", element: card.dataset.id, x: to.x, y: to.y });
    },
    cancel() {
      put(card, x, y, x, y);
      card.classList.remove("moving");
      wasDragged = false;
    },
  };
}

// The card at another place, and the arrows that begin or end there.
function put(card, x, y, drawnX, drawnY) {
  card.setAttribute("transform", `translate(${x - drawnX} ${y - drawnY})`);
  card.dataset.x = x;
  card.dataset.y = y;
  const rows = new Set([...card.querySelectorAll("[data-row]")].map((row) => row.dataset.row));
  for (const arrow of picture().querySelectorAll("path[data-action]")) {
    const { action, target } = arrow.dataset;
    if (rows.has(action) || target === card.dataset.id) arrow.setAttribute("d", curve(action, target));
  }
}

// As `reports/drawing.py` draws it.
function curve(action, targetId) {
  const row = picture().querySelector(`[data-row="${CSS.escape(action)}"]`);
  const from = row.closest(".state").dataset, to = picture().querySelector(`[data-id="${CSS.escape(targetId)}"]`).dataset;
  const width = Number(picture().dataset.cardWidth);
  const [x, tx] = [Number(from.x), Number(to.x)];
  const y = Number(from.y) + Number(row.dataset.y) + ROW / 2, aim = Number(to.y) + HEAD / 2;
  if (tx > x) return bent(x + width, y, tx - 2, aim, 1, -1);
  if (tx === x) return bent(x, y, tx - 2, aim, -1, -1);
  return bent(x, y, tx + width + 2, aim, -1, 1);
}

function bent(x, y, tx, ty, out, into) {
  const bend = Math.max(Math.abs(tx - x) / 2, GAP / 2);
  return `M${x} ${y} C${x + out * bend} ${y} ${tx + into * bend} ${ty} ${tx} ${ty}`;
}

function connecting(row, event) {
  const ghost = document.createElementNS("http://www.w3.org/2000/svg", "path");
  const dot = row.querySelector(".handle");
  const x = Number(dot.getAttribute("cx")), y = Number(dot.getAttribute("cy"));
  ghost.classList.add("ghost");
  picture().append(ghost);
  let aim = null;
  const end = () => {
    ghost.remove();
    aim?.classList.remove("aim");
  };
  const begun = spot(event);
  return {
    move(now) {
      wasDragged = true;
      const at = spot(now);
      ghost.setAttribute("d", bent(x, y, at.x, at.y, 1, -1));
      aim?.classList.remove("aim");
      aim = document.elementFromPoint(now.clientX, now.clientY)?.closest?.(".state:not(.anywhere)") ?? null;
      aim?.classList.add("aim");
    },
    drop(now) {
      end();
      const at = spot(now);
      if (aim) send({ op: "connect", element: row.dataset.row, target: aim.dataset.id });
      else if (Math.hypot(at.x - begun.x, at.y - begun.y) > 30 && frame().contains(document.elementFromPoint(now.clientX, now.clientY)))
        send({ op: "add_state", target: row.dataset.row, x: at.x, y: at.y - HEAD / 2 }, name);
    },
    cancel: end,
  };
}

// A double click on an empty spot is a state there, whose name is asked for next.
function draw(event) {
  if (!frame()?.contains(event.target) || event.target.closest(".state")) return;
  const at = spot(event);
  send({ op: "add_state", x: at.x, y: at.y }, name);
}

function name() {
  document.querySelector("#element input[name=name]")?.select();
}
