// What the learner saved lies in the browser and hides newer texts of the same notebooks. This finds such copies, says
// so, and deletes them when asked. `mmsimEdition` (edition.js) says which texts this site has.
(() => {
  const { edition, storage, texts } = globalThis.mmsimEdition;
  const base = new URL(".", document.currentScript.src);
  const number = (file) => file.replace(/^.*\//, "").slice(0, 2);
  const called = (file) => (file.startsWith("exercises/") ? "exercises " : "notebook ") + number(file);

  // The database, or null where nothing was saved: it must not be made here, as JupyterLite makes it in its own way.
  const database = (name = storage) =>
    new Promise((done, failed) => {
      const asked = indexedDB.open(name);
      asked.onupgradeneeded = () => asked.transaction.abort();
      asked.onsuccess = () => done(asked.result);
      asked.onerror = (event) => {
        event.preventDefault();
        if (asked.error.name === "AbortError") done(null);
        else failed(asked.error);
      };
    });

  const finished = (request) =>
    new Promise((done, failed) => {
      request.onsuccess = () => done(request.result);
      request.onerror = () => failed(request.error);
    });

  // The saved copies of the course's notebooks: [{file, text, stale}]; `text` is the version the copy was made from.
  async function saved() {
    const open = await database();
    if (!open?.objectStoreNames.contains("files")) return [];
    const files = open.transaction("files").objectStore("files");
    const keys = (await finished(files.getAllKeys())).filter((key) => key in texts);
    const copies = [];
    for (const file of keys) {
      let content = (await finished(files.get(file))).content;
      if (typeof content === "string") content = JSON.parse(content);
      const text = content?.metadata?.mmsim?.text ?? "unknown";
      copies.push({ file, text, stale: text !== texts[file] });
    }
    open.close();
    return copies;
  }

  async function forget(file) {
    const open = await database();
    if (!open) return;
    for (const store of ["files", "checkpoints"]) {
      if (open.objectStoreNames.contains(store)) {
        await finished(open.transaction(store, "readwrite").objectStore(store).delete(file));
      }
    }
    open.close();
  }

  // Which tabs were open last: each would come back with a Python of its own beside the notebook that was asked for.
  async function openAlone() {
    const open = await database(`${storage} workspaces`);
    const stores = [...(open?.objectStoreNames ?? [])].filter((store) => !store.startsWith("local-forage"));
    for (const store of stores) await finished(open.transaction(store, "readwrite").objectStore(store).clear());
    open?.close();
  }

  // A chapter's number ("02") or a path; only files of the course.
  const fileOf = (name) =>
    name in texts ? name : Object.keys(texts).find((file) => file.startsWith("notebooks/") && number(file) === name);
  const lab = (file) => new URL(`lab/index.html?path=${encodeURIComponent(file)}`, base).href;
  const reset = (file) => new URL(`reset.html?file=${encodeURIComponent(file)}`, base).href;

  // In the notebooks' page: a line at the bottom that names old copies, until it is closed.
  async function warn() {
    const old = (await saved()).filter((copy) => copy.stale);
    if (!old.length) return;
    const bar = document.createElement("div");
    bar.id = "mmsim-old-copies";
    bar.setAttribute("role", "status");
    bar.style.cssText =
      "position:fixed;z-index:1000;bottom:0;left:0;right:0;padding:.6em 1em;background:#fff4d6;color:#000;" +
      "border-top:2px solid #8a5a00;font:14px/1.5 sans-serif;display:flex;flex-wrap:wrap;gap:.4em 1em;align-items:center";
    const said = document.createElement("span");
    said.textContent = `Your saved copy is older than this site (${edition}) and hides its text:`;
    bar.append(said);
    for (const { file } of old) {
      const link = document.createElement("a");
      link.href = reset(file);
      link.style.color = "#003a75";
      link.textContent = `reset ${called(file)}`;
      bar.append(link);
    }
    const close = document.createElement("button");
    close.textContent = "Keep, and close this";
    close.onclick = () => bar.remove();
    bar.append(close);
    document.body.append(bar);
  }

  // JupyterLab takes a relative link in a cell for a file of its own.
  document.addEventListener(
    "click",
    (event) => {
      const href = event.target.closest?.("a")?.getAttribute("href") ?? "";
      const found = /reset\.html\?file=([^&#]+)/.exec(href);
      const file = found && fileOf(decodeURIComponent(found[1]));
      if (!file || event.target.closest("#mmsim-old-copies")) return;
      event.preventDefault();
      event.stopPropagation();
      location.href = reset(file);
    },
    true,
  );

  globalThis.mmsimCourse = { edition, texts, saved, forget, fileOf, called, lab, reset };
  if (location.pathname.includes("/lab/")) {
    const query = new URLSearchParams(location.search);
    if (query.has("path")) openAlone().catch((error) => console.warn("mmsim: open tabs cannot be forgotten:", error));
    const wanted = query.get("reset");
    if (wanted && fileOf(wanted)) location.replace(reset(fileOf(wanted)));
    else warn().catch((error) => console.warn("mmsim: saved copies cannot be read:", error));
  }
})();
