// One-time secrets: a reload shows the table and not the form again; a form that makes one is sent once.
const once = document.querySelector("[data-once]");
if (once?.dataset.afterwards) history.replaceState(null, "", once.dataset.afterwards);

addEventListener("submit", (event) => {
  if (!event.target.elements.form_id) return;
  setTimeout(() => {
    for (const button of event.target.querySelectorAll("button")) button.disabled = true;
  });
});
