// The first kernel's worker, made by ahead.js: what it would be without us, but Python begins to load at once, with what
// every notebook imports.
import "KERNEL";
import { loadPyodide } from "./pyodide.mjs";

globalThis.mmsimBegun = loadPyodide(OPTIONS).then(async (pyodide) => {
  await pyodide.runPythonAsync("import pyodide_kernel, piplite.piplite, ipywidgets, mmsim.course, mmsim.trace, mmsim.view");
  return pyodide;
});
