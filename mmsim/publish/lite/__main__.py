"""`python -m mmsim.publish.lite [-o FOLDER]`: build the site that needs no install."""

import argparse
import sys
from pathlib import Path

from .build import build
from .wheels import BuildError


def main() -> int:
    """Build, and say what came out."""
    parser = argparse.ArgumentParser(prog="python -m mmsim.publish.lite", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("dist/lite"), help="default: dist/lite")
    given = parser.parse_args()
    try:
        site = build(Path.cwd(), given.output)
    except BuildError as error:
        print(f"lite: {error}", file=sys.stderr)
        return 1
    size = f"{site.files} files, {site.size / 1e6:.1f} MB"
    print(f"{given.output}: {site.notebooks} notebooks, edition {site.edition}, {size}")
    print(f"To read it: python3 -m http.server -d {given.output} 8000, then http://localhost:8000/ in a browser")
    return 0


if __name__ == "__main__":
    sys.exit(main())
