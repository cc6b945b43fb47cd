// A button that shows what is typed into a password field.
addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-shows]");
  if (!button) return;
  const field = document.getElementById(button.dataset.shows);
  const shown = field.type === "password";
  field.type = shown ? "text" : "password";
  button.setAttribute("aria-pressed", String(shown));
  button.firstChild.textContent = shown ? "Hide" : "Show";
});
// Nobody's password stays readable in a form that is sent.
addEventListener("submit", () => {
  for (const button of document.querySelectorAll("[data-shows]")) document.getElementById(button.dataset.shows).type = "password";
});
