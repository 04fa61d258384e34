// Brings pictures and labs within reach of the keyboard and of screen readers, where JupyterLab and ipywidgets do not:
// - JupyterLab shows an SVG as an image without a text: it gets the title and the description that the SVG holds.
// - Sliders have no name: each gets the words of its label.
// - The boxes of task lists in texts cannot be ticked and have no name: they are mere bullets.
// - What is wider than its place scrolls by the keyboard, too, and so can have the focus.
// - In command mode JupyterLab takes keys as shortcuts even while a control has the focus: arrows would move to another
//   cell, and a letter in a list insert or cut one. It leaves alone what has an attribute of its own.
const CONTROLS = ":is(select, button, summary, input:not([type=text]), [role=slider])";

function describe(image) {
  const held = decodeURIComponent(image.src.slice(image.src.indexOf(",") + 1));
  const svg = new DOMParser().parseFromString(held, "image/svg+xml");
  const words = ["title", "desc"].map((name) => svg.querySelector(name)?.textContent.trim()).filter(Boolean);
  if (words.length) image.alt = words.join(": ");
}

function name(slider) {
  const label = slider.querySelector("label")?.textContent, readout = slider.querySelector(".widget-readout");
  if (!label) return;
  slider.querySelector("[role=slider]")?.setAttribute("aria-label", label);
  readout?.setAttribute("role", "textbox");
  readout?.setAttribute("aria-label", `${label}, typed`);
}

const wide = new ResizeObserver((changes) => {
  for (const { target } of changes) {
    if (target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

function reach() {
  document.querySelectorAll('img[src^="data:image/svg+xml"]:not([alt])').forEach(describe);
  document.querySelectorAll(".widget-slider:not(:has([role=slider][aria-label]))").forEach(name);
  document.querySelectorAll(":is(.jp-OutputArea-output, .widget-html-content > div):not([data-mm-seen])").forEach((place) => {
    place.dataset.mmSeen = "";
    wide.observe(place);
  });
  document.querySelectorAll("li input[type=checkbox][disabled]").forEach((box) => box.setAttribute("aria-hidden", "true"));
  document.querySelectorAll(`:is(.jupyter-widgets, .mm-player) ${CONTROLS}`).forEach((control) => {
    control.dataset.lmSuppressShortcuts = "true";
  });
}

export default {
  // Once a page, without anything to see; then whenever something new is on it.
  initialize() {
    let soon = 0;
    globalThis.mmsimReach?.disconnect();
    globalThis.mmsimReach = new MutationObserver(() => {
      soon ||= setTimeout(() => { soon = 0; reach(); }, 50);
    });
    globalThis.mmsimReach.observe(document.body, { childList: true, subtree: true });
    reach();
  },
};
