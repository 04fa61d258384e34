"""`python -m mmsim.course.sandbox`: the levels of protection this machine gives; fails where it gives but limits."""

from __future__ import annotations

from . import RLIMITS, SandboxError, best, levels


def main() -> int:
    """One line a level, the one in use marked."""
    try:
        chosen = best().name
    except SandboxError:
        chosen = ""
    for level in levels():
        mark = "*" if level.name == chosen else " "
        print(f"{mark} {level.name:<11} {level.told if level.usable else f'not here: {level.why_not}'}")
    return 0 if chosen not in ("", RLIMITS) else 1


if __name__ == "__main__":
    raise SystemExit(main())
