// node compile.mjs PYODIDE_FOLDER WHEELS TO: writes each wheel of WHEELS to TO with its modules as bytecode.
// The browser's Python would else compile them at every start. It does so here itself, as no other has its bytecode.
import path from "node:path";
import { pathToFileURL } from "node:url";

const [pyodideFolder, wheels, to] = process.argv.slice(2).map((name) => path.resolve(name));
const { loadPyodide } = await import(pathToFileURL(path.join(pyodideFolder, "pyodide.mjs")));
const pyodide = await loadPyodide({ indexURL: pyodideFolder + path.sep });
for (const [at, folder] of [["/wheels", wheels], ["/to", to]]) {
  pyodide.FS.mkdirTree(at);
  pyodide.mountNodeFS(at, folder);
}
pyodide.runPython(`
import importlib.util, re, sys, zipfile
from importlib._bootstrap_external import _code_to_hash_pyc
from pathlib import Path

SITE = f"/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages/"
DATE = (1980, 1, 1, 0, 0, 0)
# What no cell reaches: types of packages that are not here, tests, scripts of pages, lexers IPython does not ask for,
# tables for terminals; of our own what marks, checks and publishes.
LEFT_OUT = re.compile(r"""
    jedi/third_party/(django-stubs|typeshed/stubs)/ | .*/tests?/ | [^/]+\\.data/ | .*\\.dist-info/RECORD$
  | anywidget/(lab|nb)extension/ | pygments/lexers/(?!_mapping|__init__|python|special) | wcwidth/table_grapheme_overrides/
  | mmsim/(publish|course/(grade|sandbox|lint))/
""", re.VERBOSE)


def put(wheel, name, data):
    entry = zipfile.ZipInfo(name, DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    wheel.writestr(entry, data, compresslevel=9)


def compiled(name, source):
    try:
        code = compile(source, SITE + name, "exec", dont_inherit=True)
    except SyntaxError:
        return None  # a template, or a file for another Python
    return _code_to_hash_pyc(code, importlib.util.source_hash(source), checked=False)


def convert(old, new, keep):
    for name in old.namelist():
        if LEFT_OUT.match(name):
            continue
        data = old.read(name)
        code = compiled(name, data) if name.endswith(".py") and ".data/" not in name else None
        if not code or keep:
            put(new, name, data)
        if code:
            put(new, importlib.util.cache_from_source(name) if keep else name + "c", code)


for path in sorted(Path("/wheels").glob("*.whl")):
    fresh = Path("/to", path.name + ".new")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(fresh, "w") as new:
        convert(old, new, keep=path.name.startswith("mmsim-"))  # the course shows its own source
    fresh.rename(Path("/to", path.name))
`);
