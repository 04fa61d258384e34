"""Question files and a complete notebook for the tests of the course, built in memory."""

from pathlib import Path

from mmsim.course.questions import Bank

BELIEFS = """
[M1]
belief = "A pivot is where the next range begins."
broken_by = "Load the pivot."
"""


def choice(letter: str, **more: object) -> str:
    lines = {"text": f"choice {letter}", "feedback": f"why {letter}", **more}
    body = "".join(f"{name} = {literal(value)}\n" for name, value in lines.items())
    return f"[question.choices.{letter}]\n{body}"


def literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def question(key: str, goal: int = 1, section: str = "Run", text: str = "How many?") -> str:
    """A predict question (values 1 to 4, B with misconception M1) or a quiz question (answer C)."""
    quiz = ".q" in key
    fields = {"id": key, "kind": "quiz" if quiz else "predict", "goal": goal, "section": section, "text": text}
    if quiz:
        fields["answer"] = "C"
    head = "".join(f"{name} = {literal(value)}\n" for name, value in fields.items())
    parts = []
    for number, letter in enumerate("ABCD", 1):
        more: dict[str, object] = {} if quiz else {"value": number}
        parts.append(choice(letter, **more, **({"misconception": "M1"} if letter == "B" else {})))
    return f"[[question]]\n{head}{''.join(parts)}"


def sheet(number: str, *questions: str, checkpoint: str = "", minutes: int = 50) -> str:
    ids = f"checkpoint = {checkpoint}\n" if checkpoint else ""
    head = f'notebook = "{number}"\nfile = "{number}-name.ipynb"\ntitle = "Why {number}?"\nminutes = {minutes}\n'
    return head + ids + "".join(questions)


def full_sheet(number: str) -> str:
    """A prediction and three checkpoint questions, one a goal."""
    quiz = [question(f"{number}.q{goal}", goal, section) for goal, section in enumerate(("Run", "See", "Explain"), 1)]
    ids = str([f"{number}.q{n}" for n in (1, 2, 3)]).replace("'", '"')
    return sheet(number, question(f"{number}.p1"), *quiz, checkpoint=ids)


def write_bank(folder: Path, **sheets: str) -> Bank:
    """A bank of the sheets `n01="..."`, by default complete ones for 01 and 02."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = sheets or {"n01": full_sheet("01"), "n02": full_sheet("02")}
    for name, text in chosen.items():
        (folder / f"{name[1:]}.toml").write_text(text, encoding="utf-8")
    (folder.parent / "misconceptions.toml").write_text(BELIEFS)
    return Bank(folder, folder.parent / "misconceptions.toml")


HEAD = """# Why 02?

- **Goals**
  1. Read a leaf.
  2. Count the slots of a leaf.
  3. Explain a pivot.
- **Needs**: [01](01-name.ipynb)
- **Minutes**: 50
- **Difficulty**: 1 of 3
- **Importance**: 3 of 3
- **Kernel**: Linux 6.1, `mas_walk()`
- **Links**: [documentation](https://docs.kernel.org/core-api/maple_tree.html)
"""
WORDS = "Some balanced words. "


def text(source: str, *tags: str) -> dict:
    return {"cell_type": "markdown", "metadata": {"tags": list(tags)} if tags else {}, "source": source}


def code(source: str, *tags: str, out: object = None) -> dict:
    """A code cell; `out` is text for a result, or a list of outputs."""
    outputs = out if isinstance(out, list) else [result(out)] if isinstance(out, str) else []
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"tags": list(tags)} if tags else {},
        "outputs": outputs,
        "source": source,
    }


def result(plain: str, **more: str) -> dict:
    data = {"text/plain": plain, **{name.replace("_", "/", 1).replace("_", "+"): value for name, value in more.items()}}
    return {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 1}


def stream(name: str, content: str) -> dict:
    return {"output_type": "stream", "name": name, "text": content}


def notebook(cells: list[dict]) -> dict:
    """A notebook of these cells, as refresh would have stored it."""
    count = 0
    for number, cell in enumerate(cells, 1):
        cell.setdefault("id", f"c{number:02}")
        if cell["cell_type"] == "code":
            count += 1
            cell["execution_count"] = count
    spec = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    metadata = {"kernelspec": spec, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def good_notebook() -> dict:
    """A notebook that keeps every rule: 40 cells, 50 minutes, all parts (see the numbers in test_course_lint)."""
    cells = [
        text(HEAD, "header"),
        code("from mmsim.course import answer, ask, checkpoint, compare, predict, warmup", "setup"),
        text("## 1 Warm-up (4 min)\n\n" + WORDS, "warmup"),
        code('warmup("01.q1")', "warmup", out="Warm-up"),
        code('answer("01.q1", "?")', "warmup", out="01.q1: put"),
        text("## 2 The change (5 min)\n\n" + WORDS, "change"),
        text("## 3 Predict (5 min)\n\n" + WORDS, "predict"),
        code('ask("02.p1")', out="Question"),
        code('predict("02.p1", "?", sure=1)', out="02.p1: not predicted yet"),
        text("## 4 Run (4 min)\n\n" + WORDS, "run"),
        code("slots = 1 + 1"),
        code("slots", out="2"),
        text("## 5 See (5 min)\n\n" + WORDS, "see"),
        code('compare("02.p1", slots)', out="02.p1: prediction and result"),
        text("## 6 Explain (5 min)\n\n" + WORDS, "explain"),
        text("## 7 Contrast (4 min)\n\n" + WORDS, "contrast"),
        code("slots + 1", out="3"),
        text("## 8 What if (4 min)\n\n" + WORDS, "whatif"),
        text("## 9 Exercise (5 min)\n\n" + WORDS, "exercise"),
        text("## 10 Reality check, live (3 min)\n\n" + WORDS, "reality"),
        code("lines = 5\nlines", "live", "nbval-ignore-output", out="Run this cell"),
        code("lines > 3", "live", "invariants", out="True"),
        text("## 11 Where the model stops (2 min)\n\n" + WORDS, "stops"),
        text("## 12 Checkpoint (3 min)\n\n" + WORDS, "checkpoint"),
        code('checkpoint("02", "?", "?", "?")', out="Checkpoint"),
        text("## 13 Close (1 min)\n\nThat is all.", "close"),
    ]
    filler = [text("One.") for _ in range(40 - len(cells))]
    return notebook([*cells, *filler])
