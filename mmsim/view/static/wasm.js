// Draws DOT text in the browser. Shows `html` at once and swaps its images when Graphviz is ready.
// Graphviz itself (800 kB) comes with the first picture or is asked of the kernel once a page.
// It knows the widths of DejaVu's letters; Verdana, where there is no DejaVu, is as wide.
const FONT = [/font-family="DejaVu Sans"/g, 'font-family="DejaVu Sans,Verdana,sans-serif"'];
const POINTS = [/(width|height)="([\d.]+)pt"/g, '$1="$2"'];

function load(model) {
  globalThis.mmsimGraphviz ??= new Promise((done, failed) => {
    const begin = (library) => {
      const url = URL.createObjectURL(new Blob([library], { type: "text/javascript" }));
      import(url).then((module) => module.Graphviz.load()).then(done, failed);
    };
    const answer = (message) => {
      if (!message.library) return;
      model.off("msg:custom", answer);
      begin(message.library);
    };
    if (model.get("library")) return begin(model.get("library"));
    model.on("msg:custom", answer);
    model.send({ want: "library" });
    setTimeout(() => failed(new Error("no answer from the kernel")), 60000);
  }).catch((error) => {
    globalThis.mmsimGraphviz = undefined; // the next picture tries again
    throw error;
  });
  return globalThis.mmsimGraphviz;
}

function image(svg, alt) {
  const img = document.createElement("img");
  img.alt = alt;
  img.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(svg);
  img.style.cssText = "display:inline-block;vertical-align:top;max-width:none;background:#fff";
  return img;
}

function runScripts(el) {
  el.querySelectorAll("script").forEach((old) => {
    const script = document.createElement("script");
    script.textContent = old.textContent;
    old.replaceWith(script);
  });
}

async function draw(model, el) {
  el.innerHTML = model.get("html");
  setTimeout(() => runScripts(el)); // after the element is on the page
  const dots = model.get("dots");
  try {
    const graphviz = await load(model);
    if (dots !== model.get("dots")) return; // a newer picture is on its way
    const images = [...el.querySelectorAll("img")];
    dots.forEach((graphs, at) => {
      const drawn = graphs.map((dot) => graphviz.layout(dot, "svg", "dot").replace(...FONT).replace(...POINTS));
      images[at].replaceWith(...drawn.map((svg, part) => image(svg, part ? "" : images[at].alt)));
    });
    el.dataset.drawn = "wasm";
  } catch (error) {
    el.title = `drawn as text: ${error.message}`;
  }
}

export default {
  render({ model, el }) {
    el.style.overflowX = "auto";
    model.on("change:html", () => draw(model, el));
    draw(model, el);
  },
};
