// Where the walk stands in the picture of its model: visited elements with their counts, the current state, what did not pass.
export function picture(part, follows) {
  const canvas = document.querySelector(".canvas");
  if (!canvas) return;
  const bad = new Set(part.bad);
  for (const element of canvas.querySelectorAll("[data-id]")) mark(element, part, bad);
  for (const arrow of canvas.querySelectorAll("[data-action]")) {
    const taken = part.hits[arrow.dataset.action] > 0;
    arrow.classList.toggle("taken", taken);
    arrow.classList.toggle("now", arrow.dataset.action === part.action);
    if (taken) arrow.setAttribute("marker-end", "url(#tip-taken)");
  }
  if (follows) show(canvas, canvas.querySelector(".state.now > .box"));
}

function mark(element, part, bad) {
  const { id } = element.dataset;
  const hits = part.hits[id] ?? 0;
  element.classList.toggle("hit", hits > 0);
  element.classList.toggle("now", id === part.here || id === part.action);
  element.classList.toggle("bad", bad.has(id));
  const title = element.querySelector(":scope > title");
  title.textContent = `${title.textContent.replace(/: \d+ times$/, "")}: ${hits} times`;
  const count = element.querySelector(":scope > .count");
  if (count) count.textContent = `${bad.has(id) ? "✕ " : ""}${count.dataset.sign} ${hits}`;
}

// Scrolls only when the card has left the view, and only the canvas.
function show(canvas, box) {
  if (!box) return;
  const frame = canvas.getBoundingClientRect(), card = box.getBoundingClientRect();
  const outside = card.left < frame.left || card.right > frame.right || card.top < frame.top || card.bottom > frame.bottom;
  if (outside) canvas.scrollBy(card.left - frame.left - 40, card.top - frame.top - 40);
}
