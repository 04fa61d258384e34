"""A model of the Linux 6.1 address space for teaching: the maple tree, and what is built on it.

Importing this costs next to nothing; the parts are loaded when first asked for.

>>> from mmsim import MapleTree
>>> tree = MapleTree()
>>> tree.store_range(10, 19, "stack")
>>> tree.load(12)
'stack'
"""

__version__ = "0.1.0"

_HOME = {"MapleTree": "mmsim.maple", "MapleState": "mmsim.maple"}

__all__ = ["MapleState", "MapleTree", "__version__"]


def __getattr__(name: str) -> object:
    """Load the part that holds `name`, once; AttributeError when there is no such name."""
    if name not in _HOME:
        raise AttributeError(f"module 'mmsim' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The names to complete, those not loaded yet included."""
    return sorted({*globals(), *_HOME})
