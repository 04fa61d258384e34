// What the tests do inside the page: run the notebook, read its outputs, watch its widgets.
window.mm = (() => {
  const panel = () => window.jupyterapp.shell.currentWidget;
  const kernel = () => panel().sessionContext.session.kernel;
  const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const ids = /mm[0-9a-f]{10}\w*/g;

  const pause = (ms) => new Promise((done) => setTimeout(done, ms));

  async function ready(path) {
    while (!window.jupyterapp?.restored) await pause(50);
    await window.jupyterapp.restored;
    while (panel()?.context?.path !== path) await pause(50);
    await panel().revealed;
    await panel().context.ready;
    await panel().sessionContext.ready;
    await kernel().info;
    listen();
    // JupyterLab puts the cells into the page bit by bit, when it is idle; one that is run before its turn may stay out
    // for ever. Asking for frames keeps Chromium from resting, in which its idle time does not come.
    while (!panel().content.widgets.every((cell) => cell.node.isConnected)) await frame();
  }

  async function open(path) {
    await window.jupyterapp.commands.execute("docmanager:open", { path });
    await ready(path);
  }

  // The messages of widgets that the kernel has not worked off yet. It does so beside the cells, in a thread of their own:
  // a cell that has run says nothing about them.
  let unanswered = new Set();
  function listen() {
    const sent = unanswered = new Set();
    kernel().anyMessage.connect((_, { msg, direction }) => {
      const { header, parent_header: parent, content } = msg;
      if (direction === "send" && header.msg_type === "comm_msg") sent.add(header.msg_id);
      if (header.msg_type === "status" && content.execution_state === "idle") sent.delete(parent.msg_id);
    });
  }

  // All input was answered; what ipywidgets held back until then is sent within a frame.
  async function quiet() {
    do await frame(); while (unanswered.size);
  }

  // Without the question whether to save.
  async function close() {
    const closing = panel();
    await closing.sessionContext.shutdown();
    closing.dispose();
  }

  // Run all cells. The command ends at the first cell that raises, even one tagged so; JupyterLab's kernel runs the rest.
  const runAll = () => window.jupyterapp.commands.execute("notebook:run-all-cells");

  // Run `code` silently in the kernel and return the value of an expression.
  async function ask(code = "", expression = "None") {
    const future = kernel().requestExecute({
      code, silent: true, store_history: false, user_expressions: { value: expression }, stop_on_error: false,
    });
    const reply = await future.done;
    await frame();
    const value = reply.content.user_expressions?.value;
    if (value?.status !== "ok") throw new Error(JSON.stringify(value ?? reply.content));
    return value.data["text/plain"];
  }

  const cells = () => panel().content.widgets.map((cell, at) => ({ cell, at, model: cell.model }));
  const cellOf = (id) => cells().find(({ model }) => model.id === id);

  function outputs() {
    return cells().filter(({ model }) => model.type === "code").map(({ cell, model }) => ({
      id: model.id,
      count: model.executionCount,
      outputs: model.outputs.toJSON().map((output) => ({
        type: output.output_type,
        name: output.name ?? output.ename ?? "",
        text: [output.text ?? output.evalue ?? output.data?.["text/plain"] ?? ""].flat().join(""),
        mimes: Object.keys(output.data ?? {}),
      })),
      height: cell.outputArea.node.getBoundingClientRect().height,
    }));
  }

  function setSource(id, text) {
    const { at, model } = cellOf(id);
    model.sharedModel.setSource(text);
    select(at);
  }

  function select(at) {
    const content = panel().content;
    content.deselectAll();
    content.activeCellIndex = at;
  }

  async function run(id, text) {
    if (text === undefined) select(cellOf(id).at); else setSource(id, text);
    await window.jupyterapp.commands.execute("notebook:run-cell");
    await frame();
    return cellOf(id).cell.outputArea.node.innerText;
  }

  // ---- labs

  const VIEW = "application/vnd.jupyter.widget-view+json";
  const watched = new WeakMap();
  let known = [];

  const modelsOf = (model) =>
    model.type === "code" ? model.outputs.toJSON().map((output) => output.data?.[VIEW]?.model_id).filter(Boolean) : [];

  // The outermost widgets below a cell.
  const tops = ({ cell }) => [...cell.outputArea.node.querySelectorAll(".jupyter-widgets")]
    .filter((each) => !each.parentElement.closest(".jupyter-widgets"));
  const complete = (top) => top.isConnected && pictures(top).length && top.querySelector("label, button");

  // All labs of the notebook, each drawn to its end.
  async function labs() {
    known = [];
    for (const one of cells()) {
      const models = modelsOf(one.model);
      if (models.length) one.cell.node.scrollIntoView();
      let before = [];
      for (let same = 0; same < 10 && models.length; await pause(20)) {
        const now = tops(one);
        same = now.length === models.length && now.every((top, at) => complete(top) && top === before[at]) ? same + 1 : 0;
        before = now;
      }
      before.forEach((top, at) => { top.dataset.mmLab = ""; watch(top); known.push({ id: one.model.id, at, model: models[at] }); });
    }
    return known.map(({ id, model }) => ({ cell: id, model }));
  }

  const root = (number) => tops(cellOf(known[number].id))[known[number].at];
  const pictures = (at) => [...at.querySelectorAll(".widget-html-content svg[role=img]")];
  const drawn = (at) => pictures(at).map(bare).join("\n");
  function bare(svg) {
    const copy = svg.cloneNode(true);
    copy.querySelectorAll("title, desc").forEach((each) => each.remove());
    return copy.outerHTML.replace(ids, "");
  }

  // What a lab shows: the drawing, the text beside it, the picture's name and description. textContent, as innerText
  // is empty for what is not in view. `svg` is what the drawing should be.
  function state(number, svg) {
    const at = root(number), wanted = document.createElement("div");
    wanted.innerHTML = svg;
    const texts = [...at.querySelectorAll(".widget-html-content")].filter((each) => !each.querySelector("svg[role=img]"));
    return {
      drawn: drawn(at),
      asDrawn: [...wanted.children].map(bare).join("\n") === drawn(at),
      said: texts.map((each) => each.textContent).join("\n"),
      names: pictures(at).map((each) => each.getAttribute("aria-labelledby").split(" ")
        .map((id) => at.querySelector(`#${id}`)?.textContent ?? "").join("\n")),
    };
  }

  // Times from the last input in a lab to the frame with its new picture, in the page's own clock.
  function watch(at) {
    if (watched.has(at)) return;
    const record = { times: [] };
    watched.set(at, record);
    let began = 0, before = pictures(at);
    for (const kind of ["pointerup", "mouseup", "click", "keydown", "change"]) {
      at.addEventListener(kind, () => { began = performance.now(); }, true);
      if (kind === "mouseup" || kind === "pointerup") {
        // a slider is let go wherever the pointer is by then
        document.addEventListener(kind, () => { if (record.held) began = performance.now(); record.held = false; }, true);
      }
    }
    at.addEventListener("pointerdown", () => { record.held = true; }, true);
    new MutationObserver(() => {
      const now = pictures(at);
      if (!began || now.every((picture) => before.includes(picture))) return;
      before = now;
      const from = began;
      began = 0;
      requestAnimationFrame(() => setTimeout(() => record.times.push(performance.now() - from)));
    }).observe(at, { childList: true, subtree: true });
  }

  const times = (number) => watched.get(root(number)).times.splice(0);

  // The controls of a lab in the order of the page; each gets a mark by which Playwright finds it.
  const KINDS = {
    slider: ".noUi-handle", dropdown: ".widget-dropdown select", text: ".widget-text input",
    checkbox: ".widget-checkbox input", button: "button.widget-button",
  };
  function controls(number) {
    const at = root(number);
    return [...at.querySelectorAll(Object.values(KINDS).join(","))].map((node, place) => {
      node.dataset.mmControl = `${number}.${place}`;
      const kind = Object.keys(KINDS).find((each) => node.matches(KINDS[each]));
      const box = node.closest(".jupyter-widgets");
      const label = (node.labels?.length ? [...node.labels].at(-1) : box.querySelector("label") ?? node).textContent;
      return { mark: `${number}.${place}`, kind, label: label.trim() };
    });
  }

  // Pictures: what we draw as SVG, or as an image that holds it. Ours are in outputs only.
  const ours = (selector) => [...panel().content.node.querySelectorAll(`.jp-OutputArea-output :is(${selector})`)];
  const shown = (each) => { const box = each.getBoundingClientRect(); return box.width * box.height; };

  // The largest picture, with the output it stands in when that is a lab or a player.
  function mainPicture() {
    const [largest] = ours("svg[role=img], img").filter(shown).sort((one, other) => shown(other) - shown(one));
    return largest?.closest(".mm-player, [data-mm-lab]") ?? largest ?? null;
  }

  function unnamedPictures() {
    const text = (svg, name) => svg.querySelector(`:scope > ${name}`)?.textContent.trim();
    const drawings = ours("svg").filter((svg) => !svg.parentElement.closest("svg"));
    return [
      ...drawings.filter((svg) => svg.getAttribute("role") !== "img" || !text(svg, "title") || !text(svg, "desc")),
      ...ours("img").filter((img) => !img.alt.trim()),
    ].map((each) => each.outerHTML.slice(0, 200));
  }

  // Whether a control has a name of its own: a label, aria-label, or the words on it.
  function named(mark) {
    const node = document.querySelector(`[data-mm-control="${mark}"]`);
    const label = [...(node.labels ?? [])].map((each) => each.textContent).join("").replace("\u200b", "");
    return Boolean((node.getAttribute("aria-label") || label || node.textContent).trim());
  }

  // Outputs wider than their place, without a way to scroll to the rest.
  function cutOff() {
    const scrolls = (node) => /auto|scroll/.test(getComputedStyle(node).overflowX);
    return [...panel().content.node.querySelectorAll(".jp-OutputArea-output")].filter((output) => {
      if (output.scrollWidth <= output.clientWidth + 1) return false;
      for (let node = output; node && !node.matches(".jp-Cell"); node = node.parentElement) if (scrolls(node)) return false;
      return true;
    }).map((output) => output.innerText.slice(0, 100));
  }

  // JupyterLab leaves out the drawing of cells out of view, and with it what only a drawn one has.
  async function drawAll() {
    cells().forEach(({ cell }) => { cell.node.style.contentVisibility = "visible"; });
    await pause(200);
  }

  async function theme(name) {
    await window.jupyterapp.commands.execute("apputils:change-theme", { theme: name });
    await pause(300);
  }

  const focused = () => document.activeElement?.dataset?.mmControl ?? null;
  // How the notebook stands: its mode, how many cells it has, and whether the active one is this.
  const active = (id) => ({
    here: id !== undefined && panel().content.activeCell?.model.id === id,
    mode: panel().content.mode,
    cells: cells().length,
  });

  return { ready, open, close, runAll, quiet, ask, outputs, run, labs, state, times, controls, focused, active, panel, cellOf, select,
    mainPicture, unnamedPictures, named, cutOff, drawAll, theme };
})();
