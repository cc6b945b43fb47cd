// A file dropped anywhere on the page is the file of the form marked data-drop, which is sent at once.
const form = document.querySelector("form[data-drop]");
const input = form?.querySelector("input[type=file]");
const holdsFiles = (event) => form && event.dataTransfer?.types.includes("Files");

addEventListener("dragover", (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dropping");
});
addEventListener("drop", (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  document.body.classList.remove("dropping");
  input.files = event.dataTransfer.files;
  form.requestSubmit();
});
