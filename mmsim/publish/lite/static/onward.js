// In the notebooks' page: JupyterLite ends "run all" at the first cell that raises, even one that is meant to (tag
// raises-exception), where a Jupyter server goes on with the next. So does this.
(async () => {
  const COMMANDS = ["notebook:run-all-cells", "notebook:run-all-below"];
  while (!globalThis.jupyterapp?.commands) await new Promise((done) => setTimeout(done, 100));
  const { commands, shell } = globalThis.jupyterapp;

  const meant = ({ model }) =>
    model.getMetadata("tags")?.includes("raises-exception") &&
    model.outputs.toJSON().some((output) => output.output_type === "error");

  commands.commandExecuted.connect(async (_, { id, result }) => {
    if (!COMMANDS.includes(id)) return;
    const notebook = shell.currentWidget;
    await result;
    const cells = notebook.content.widgets.filter(({ model }) => model.type === "code" && model.sharedModel.source.trim());
    const next = cells.findIndex(({ model }, at) => at && !model.executionCount && meant(cells[at - 1]));
    if (next < 0 || shell.currentWidget !== notebook) return;
    notebook.content.activeCellIndex = notebook.content.widgets.indexOf(cells[next]);
    commands.execute("notebook:run-all-below");
  });
})();
