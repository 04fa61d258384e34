"""Finding SVG drawings in stored outputs; a drawing may hold others."""

import re
from collections.abc import Iterator

# In the text of a script the end is written `<\/svg>`.
_EDGE = re.compile(r"<svg\b|<\\?/svg>")


def drawings(text: str) -> Iterator[tuple[int, int]]:
    r"""Where the outermost drawings of a text begin and end.

    >>> text = 'a<svg><svg></svg>b</svg>c<svg><\\/svg>'
    >>> [text[start:end] for start, end in drawings(text)]
    ['<svg><svg></svg>b</svg>', '<svg><\\/svg>']
    """
    depth = start = 0
    for edge in _EDGE.finditer(text):
        if edge[0] == "<svg":
            start = edge.start() if depth == 0 else start
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                yield start, edge.end()


def without_drawings(text: str) -> str:
    """The text with every drawing reduced to its presence.

    >>> without_drawings("a<svg><g/></svg>b")
    'a<svg/>b'
    """
    parts, last = [], 0
    for start, end in drawings(text):
        parts += [text[last:start], "<svg/>"]
        last = end
    return "".join([*parts, text[last:]])
