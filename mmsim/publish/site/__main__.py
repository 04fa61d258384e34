"""Build the site and check it: `python -m mmsim.publish.site [-o FOLDER] [NN ...]`; exit code 1 for a problem."""

import argparse
import sys
import time
from pathlib import Path

from .build import SiteError, build
from .check import check


def main() -> int:
    """Write the site, check every page, say what it came to."""
    parser = argparse.ArgumentParser(prog="python -m mmsim.publish.site", description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=Path("dist/site"), help="where to (default: dist/site)")
    parser.add_argument("numbers", nargs="*", metavar="NN", help="only these chapters, for a quick look")
    args = parser.parse_args()
    began = time.monotonic()
    try:
        pages = build(args.out, only=args.numbers)
    except SiteError as error:
        print(f"site: {error}", file=sys.stderr)
        return 1
    built = time.monotonic()
    report = check(args.out, whole=not args.numbers)
    for problem in report.problems:
        print(f"site: {problem}", file=sys.stderr)
    size = sum(path.stat().st_size for path in args.out.rglob("*") if path.is_file())
    print(f"{args.out}: {len(pages)} pages, {size / 1e6:.1f} MB, built in {built - began:.1f} s", end="; ")
    print(f"checked in {time.monotonic() - built:.1f} s: {report}")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
