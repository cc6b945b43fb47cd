// One short sentence, seen for a moment and read out by assistive technology.
let gone = 0;

export function announce(text) {
  const status = document.querySelector("[data-announce]");
  status.textContent = text;
  status.classList.replace("unseen", "toast");
  clearTimeout(gone);
  gone = setTimeout(() => {
    status.classList.replace("toast", "unseen");
    status.textContent = "";
  }, 2500);
}
