// Dialogs open by a button that names them; menus and questions close by Esc or a click elsewhere.
addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  if (event.target instanceof HTMLDialogElement) event.target.close(); // the backdrop
  closeMenus(event.target);
});

addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = event.target.closest?.("details[open]");
  closeMenus();
  if (open) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(except)) menu.open = false;
}
