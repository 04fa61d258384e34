"""The course in a real browser: `make browser-test` drives JupyterLab in headless Chromium.

Left out of `python3 start.py test`, as it needs a Chromium and the [browser] set of requirements.lock.
"""
