// A page that shows something under way is asked for again every other second, and only what is marked is exchanged.
const PAUSE = 2_000;

async function again() {
  const marked = document.querySelector("[data-live]");
  if (!marked) return;
  const inUse = marked.contains(document.activeElement) || marked.querySelector("details[open]");
  if (!document.hidden && !inUse && !document.querySelector("dialog[open]")) {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.ok) exchange(marked, new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // The server may be restarting: the next time will do.
    }
  }
  setTimeout(again, PAUSE);
}

function exchange(marked, fresh) {
  const found = fresh.getElementById(marked.id);
  if (!found) return;
  const ended = !found.hasAttribute("data-live");
  marked.replaceWith(found);
  const buttons = document.querySelector(".head .toolbar");
  if (ended && buttons) buttons.replaceWith(fresh.querySelector(".head .toolbar"));
}

setTimeout(again, PAUSE);
