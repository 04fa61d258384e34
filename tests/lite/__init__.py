"""The site that needs no install, in a browser without a network: `make lite-test`.

Left out of `python3 start.py test`, as it needs a Chromium, npm and the [lite] set of requirements.lock.
"""
