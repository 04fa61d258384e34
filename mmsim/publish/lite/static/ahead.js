// In the notebooks' page, before JupyterLab: makes the first kernel's worker at once, so that Python loads beside
// JupyterLab and not after it. The kernel gets it when it asks for its worker; any further kernel has to wait for its own.
(() => {
  const opens = new URLSearchParams(location.search).get("path")?.endsWith(".ipynb");
  if (crossOriginIsolated || !opens || replaced()) return;
  const { Worker } = globalThis;
  const worker = new Worker(ours("static/pyodide/begin.mjs"), { type: "module" });
  globalThis.Worker = class extends Worker {
    constructor(url, options) {
      if (!String(url).includes("/comlink.worker.")) return new Worker(url, options);
      globalThis.Worker = Worker;
      return worker;
    }
  };

  function ours(path) {
    return new URL(path, document.currentScript.src).href;
  }

  // Whether JupyterLite will replace its service worker, as it does with one of another version. That waits for all other
  // workers, and a kernel that does not wait for it finds no files. A new service worker has this version: say so, or it
  // would be replaced by itself on the next visit.
  function replaced() {
    const old = navigator.serviceWorker?.controller?.scriptURL;
    if (old) return localStorage.getItem(`${old}-version`) !== "VERSION";
    localStorage.setItem(`${ours("service-worker.js?enableCache=false")}-version`, "VERSION");
    return false;
  }
})();
