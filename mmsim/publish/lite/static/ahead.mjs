// What a kernel loads as its Pyodide: the one that has begun to load in begin.mjs, or a new one.
import { loadPyodide as load } from "./pyodide.mjs";

export async function loadPyodide(options) {
  if (!globalThis.mmsimBegun) return load(options);
  const pyodide = await globalThis.mmsimBegun;
  pyodide.setStdout({ batched: options.stdout });
  pyodide.setStderr({ batched: options.stderr });
  return pyodide;
}
