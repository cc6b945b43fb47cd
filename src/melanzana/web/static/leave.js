// Asks before work is lost: forms marked data-unsaved once they were changed, and one-time secrets that were not kept.
let unsaved = false;
const once = document.querySelector("[data-once]");

addEventListener("input", (event) => {
  unsaved ||= Boolean(event.target.form?.matches("[data-unsaved]"));
});
addEventListener("submit", () => {
  unsaved = false;
});
// What is shown once counts as kept after a copy or the download.
once?.addEventListener("kept", () => once.removeAttribute("data-once"));
once?.addEventListener("click", (event) => {
  if (event.target.closest("[data-keeps]")) once.removeAttribute("data-once");
});
addEventListener("beforeunload", (event) => {
  if (unsaved || once?.hasAttribute("data-once")) event.preventDefault();
});
