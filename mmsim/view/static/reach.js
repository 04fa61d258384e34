// Brings a lab within reach of the keyboard and of screen readers, which ipywidgets and JupyterLab do not.
// Sliders have no name: each gets the words of its label. In command mode JupyterLab takes keys as its own shortcuts
// even when a control has the focus: arrows would move to another cell, and a letter in a list insert or cut one. It
// heeds the attribute only on what has the focus.
function reach(lab) {
  lab.querySelectorAll("select, input, button, [role=slider], .widget-readout").forEach((control) => {
    control.dataset.lmSuppressShortcuts = "true";
  });
  const sliders = [...lab.querySelectorAll(".widget-slider")];
  return lab.querySelector("label, button") !== null && sliders.every((slider) => {
    const name = slider.querySelector("label")?.textContent, handle = slider.querySelector("[role=slider]");
    if (!name || !handle) return false; // not drawn to its end yet
    handle.setAttribute("aria-label", name);
    const readout = slider.querySelector(".widget-readout");
    readout?.setAttribute("role", "textbox");
    readout?.setAttribute("aria-label", `${name}, typed`);
    return true;
  });
}

export default {
  render({ el }) {
    el.style.display = "none";
    let tries = 100, done = 0;
    const timer = setInterval(() => {
      const lab = el.closest(".widget-vbox");
      if (lab && reach(lab)) done += 1; // once more, for what was drawn in between
      if (done > 1 || !--tries) clearInterval(timer);
    }, 50);
    return () => clearInterval(timer);
  },
};
