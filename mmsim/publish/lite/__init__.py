"""The course without an install: JupyterLite with Python, Graphviz and mmsim in the browser, all of it in one folder.

`make lite` builds `dist/lite`. Any file server serves it; at run time nothing is fetched from elsewhere.
"""
