// What ipywidgets does not tell a screen reader. The form works without it; "this" is its style sheet.
const form = this.closest(".style-playground");
const set = (element, name, value) => {
  if (element && element.getAttribute(name) !== value) element.setAttribute(name, value);
};
const tell = () => {
  for (const slider of form.querySelectorAll(".widget-slider")) {
    const handle = slider.querySelector(".noUi-handle");
    const label = slider.querySelector("label")?.title; // the tooltip
    const readout = slider.querySelector(".widget-readout");
    set(handle, "aria-label", label);
    if (readout?.textContent.trim()) set(handle, "aria-valuetext", readout.textContent.trim());
    if (readout?.isContentEditable) {
      set(readout, "role", "textbox");
      set(readout, "aria-label", `${label}, as a number`);
    }
  }
  for (const toggle of form.querySelectorAll(".widget-toggle-button, .widget-toggle-buttons button"))
    set(toggle, "aria-pressed", String(toggle.classList.contains("mod-active")));
  for (const thumbnail of form.querySelectorAll(".course-thumbnail"))
    set(thumbnail, "aria-pressed", String(thumbnail.classList.contains("course-chosen")));
  const status = form.querySelector(".course-status");
  set(status, "role", "status");
  set(status, "aria-live", "polite");
  const caption = form.querySelector(".course-caption")?.textContent ?? "";
  for (const image of form.querySelectorAll(".widget-image")) set(image, "alt", caption);
  const link = form.querySelector(".course-download a:not([data-done])");
  set(link, "data-done", "");
  link?.click();
};
let planned = false;
new MutationObserver(() => {
  if (!planned) requestAnimationFrame(() => { planned = false; tell(); });
  planned = true;
}).observe(form, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ["class", "aria-valuenow", "title"] });
tell();
