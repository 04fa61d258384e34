"""Exercises of chapter 04, stores that do not fit into one leaf."""

import random
from collections.abc import Iterator, Mapping
from typing import ClassVar

from mmsim.maple import LEAF_64, ULONG_MAX, MapleTree
from mmsim.maple.big import BigNode, cut_points

from . import leaf, tree_defects, trees
from .assertions import Assertions, Defect, Odd, planted
from .leaf import Slot, Store
from .model import RIGHT, Case, Function, NotAState, Perform, Plain, Predict, Verdict, wrong_shape
from .plain import told


class LeavesAfterEachStore(Perform):
    """Perform the algorithm: where the leaves are cut after each of four spanning stores."""

    id = "04.e1"
    name = "my_leaves"
    title = "The leaves after each spanning store"
    goal = "Predict how many leaves the joined slots become, and where they are cut."
    points, minutes, difficulty, misconception = 8, 14, 3, "M4"
    hints = (
        "Two leaves take part: the one that holds the first index, and the one that holds the index after the last.",
        "Write down what stays of the left leaf, the new range, what stays of the right leaf, and count these slots.",
        "16 or fewer slots: one leaf. More: cut in the middle, the odd slot goes left; a cut moves off a NULL by one.",
    )
    states = 4
    shown = 2

    def instance(self, learner: str = "") -> tuple[MapleTree, list[Store]]:
        """The tree to start from and four spanning stores; the third stores NULL, the last is a wide one."""
        chance = self._chance("instance", learner)
        while True:
            tree = trees.grown(chance, 26)
            if tree.height == 2 and len(tree.root.slots) == 3:
                trial, stores = tree.copy(), []
                while len(stores) < self.states and (store := self._found(chance, trial, len(stores))):
                    trial.store_range(*store)
                    stores.append(store)
                if len(stores) == self.states:
                    return tree, stores

    def _found(self, chance: random.Random, tree: MapleTree, number: int) -> Store | None:
        """A store that spans two leaves and joins just these, with a cut that both rules of a NULL allow."""
        for _ in range(60):
            found = trees.leaves(tree)
            if len(found) < 2:
                return None
            border = chance.randrange(len(found) - 1)
            reach = (60, 140) if number == 3 else (8, 45)
            end = found[border][1]
            store = (
                end - chance.randrange(*reach),
                end + chance.randrange(*reach),
                None if number == 2 else "KLMN"[number],
            )
            if store[0] <= 0:
                continue
            trial = tree.copy()
            with trial.watch() as log:
                trial.store_range(*store)
            steps = log[0].steps
            if log[0].path != "spanning" or steps[0].action != "join" or len(steps[0].took) != 2:
                continue
            if trees.leaves(trial) != found and (number == 3 or len(trees.leaves(trial)) > 1):
                return store
        return None

    def task(self, learner: str = "") -> str:
        """See Exercise."""
        tree, stores = self.instance(learner)
        lines = leaf.calls(stores)
        before = self.write(trees.leaves(tree))
        return f"The tree:\n\n{trees.shown(tree)}\n\nBefore: `{before}`\n\nThen, one after the other:\n\n{lines}"

    def steps(self, learner: str = "") -> list[tuple[Plain, Plain, Plain]]:
        """See Perform: leaves before and after, and what the library joined (mas_wr_spanning_store(), 6.1)."""
        tree, stores = self.instance(learner)
        return [
            (
                {
                    "store": [write.index, write.last, write.entry],
                    "content": trees.content(write.before),
                    "joined": len(write.steps[0].joined),
                },
                trees.leaves(write.before),
                trees.leaves(write.after),
            )
            for write in leaf.written(tree, stores)
        ]

    def read(self, written: Plain) -> Plain:
        """See Perform."""
        found = leaf.parse(written or "")
        for first, last, count in found:
            if not (count or "").isdecimal() or len(count or "") > 4:
                said = f"'{trees.span(first, last)} {'NULL' if count is None else count}'"
                raise NotAState(f"{said} is no leaf, expected its range and its number of slots, such as '0-199 15'")
        if not found:
            raise NotAState("expected leaves, such as '0-199 15 | 200-max 9'")
        return [(first, last, int(count or 0)) for first, last, count in found]

    def write(self, state: Plain) -> str:
        """See Perform."""
        return " | ".join(f"{trees.span(first, last)} {count}" for first, last, count in state)

    def nearly(self, own: Plain, before: Plain) -> bool:
        """See Perform: leaves that cover all, at most two more or less."""
        return not leaf.uncovered(own) and abs(len(own) - len(before)) <= 2

    def carried(self, own: Plain, part: Plain) -> Plain:
        """See Perform: the true slots, cut where the learner cut them."""
        tree = trees.assembled([tuple(slot) for slot in part[1]["content"]], [last for _, last, _ in own])
        if tree is None or trees.leaves(tree) != own:
            return None
        tree.store_range(*part[1]["store"])
        return trees.leaves(tree) if tree.height <= 2 else None

    def wrong(self, part: Plain, mine: Plain) -> Verdict:
        """See Perform; names the idea that was missed."""
        number, step, _, after = part
        said = leaf.uncovered(mine) or self._idea(step["joined"], after, mine)
        expected, got = [_row(after), _row(mine)]
        return Verdict(
            0, f"step {number}: {said}", self.write(after), self.write(mine[: leaf.MOST]), leaf.compared(expected, got)
        )

    @staticmethod
    def _idea(joined: int, after: Plain, mine: Plain) -> str:
        if len(after) != len(mine):
            return f"this store joins {joined} slots, and a leaf holds 16: how many leaves are they"
        if [one[:2] for one in after] == [list(one[:2]) for one in mine]:
            return (
                "the borders are right, the numbers of slots are not; a range that is cut keeps a slot for its rest, "
                "and NULLs that touch are one slot"
            )
        return (
            f"the leaves end elsewhere; this store joins {joined} slots, and they are cut in the middle "
            "(an odd one goes left, and no leaf but the last ends in a NULL)"
        )

    def picture(self, case: Case, answer: Plain) -> str:
        """See Exercise."""
        from mmsim.view import row_pair

        number, step, _, after = case.part
        title = f"the leaves after store_range{tuple(step['store'])}"
        rows = [[(*one[:2], f"{one[2]} slots") for one in row] for row in (after, self.read(answer[number - 1]))]
        return row_pair(*rows, title).svg()


def _row(state: Plain) -> list[Slot]:
    return [(first, last, f"{count} slots") for first, last, count in state]


class Cut(Function):
    """The rule that cuts a list of slots into leaves."""

    id = "04.e2"
    name = "cut"
    title = "Cut joined slots into leaves"
    goal = "Write down where a list of slots is cut, and what each leaf holds."
    points, minutes, difficulty, misconception = 6, 12, 2, "M5"
    hints = (
        "First the number of slots decides: one, two or three leaves. Then look at the slot before each cut.",
        "Find the cuts as numbers of slots first, move each off a NULL, and slice the list only then.",
        "third = (len(slots) - 1) // 3; cuts = [third, 2 * third]; and for each: if slots[at] is None: at += 1 or -= 1",
    )

    def examples(self) -> Iterator[list[Plain]]:
        """See Function."""
        yield [["a", "b", None]]
        yield [[f"s{n}" for n in range(17)]]
        yield [[f"s{n}" for n in range(26)]]
        yield [[f"s{n}" if n != 8 else None for n in range(18)]]
        yield [[f"s{n}" for n in range(33)]]

    def hidden(self, chance: random.Random) -> Iterator[tuple[str, list[Plain]]]:
        """See Function."""
        for length in (2, 15, 16, 17, 18, chance.randrange(19, 31), 31, 32):
            yield "one or two leaves", [_slots(chance, length, full=((length - 1) // 2,))]
        for _ in range(3):
            yield "three leaves", [_slots(chance, 33, full=(10, 20))]
        for length in (17, chance.randrange(18, 31), 30, 31):
            yield "a NULL before the cut", [_slots(chance, length, empty=((length - 1) // 2,))]
        for empty in ((10,), (20,), (10, 20)):
            yield "a NULL before a cut of three", [_slots(chance, 33, full=(10, 20), empty=empty)]
        yield "32 slots with a NULL in the middle", [_slots(chance, 32, full=(10, 20), empty=(15,))]
        yield "32 slots with a NULL in the middle", [_slots(chance, 32, empty=(15, chance.choice((10, 20))))]

    def expected(self, *args: Plain) -> Plain:
        """See Function: mab_calc_split() and mab_no_null_split(), 6.1, through the library's cut_points()."""
        slots = args[0]
        cuts = cut_points(BigNode(LEAF_64, list(range(len(slots))), slots, None))
        ends = [*(at + 1 for at in cuts), len(slots)]
        return [slots[start:stop] for start, stop in zip([0, *ends], ends, strict=False)]

    def judge(self, case: Case, answer: Plain) -> Verdict:
        """Shape first, then what is missing or twice, then the cuts."""
        if type(answer) is not list or not all(type(piece) is list for piece in answer) or len(answer) > 100:
            return wrong_shape("expected a list of lists: the slots of each leaf", answer)
        expected = self.expected(*case.args)
        if answer == expected:
            return RIGHT
        if [slot for piece in answer for slot in piece] != case.args[0]:
            said = "put together again, your leaves are not the slots that came in: one is lost, twice, or moved"
        else:
            said = self._idea(expected, answer)
        return Verdict(0, said, _sizes(expected), _sizes(answer))

    @staticmethod
    def _idea(expected: Plain, mine: Plain) -> str:
        if any(piece and piece[-1] is None for piece in mine[:-1]):
            return "one of your leaves ends in a NULL, and only the last one may"
        if len(mine) != len(expected):
            return f"{sum(map(len, expected))} slots become {len(expected)} leaves here, not {len(mine)}"
        if any(len(piece) > LEAF_64.slots for piece in mine):
            return "one of your leaves has more than 16 slots"
        return "the leaves are cut elsewhere; a cut names the last slot of a leaf, and slots count from 0"

    def picture(self, case: Case, answer: Plain) -> str:
        """See Exercise: the slots' numbers as ranges."""
        from mmsim.view import row_pair

        expected = self.expected(*case.args)
        if not all(expected) or not all(answer):
            return ""
        return row_pair(_by_number(expected), _by_number(answer), "which slots each leaf holds").svg()

    def said(self, case: Case) -> str:
        """See Exercise; a long list is told by what matters in it."""
        slots = case.args[0]
        empty = [n for n, slot in enumerate(slots) if slot is None]
        where = f"NULL at {', '.join(map(str, empty))}" if empty else "none of them NULL"
        return f"cut(slots) with {len(slots)} slots, {where}"


def _slots(chance: random.Random, length: int, full: tuple[int, ...] = (), empty: tuple[int, ...] = ()) -> list[Plain]:
    """Slots without two NULLs beside each other; those in `full` hold an entry, those in `empty` none."""
    near = {at + side for at in empty for side in (-1, 0, 1)}
    slots: list[Plain] = [f"s{n}" for n in range(length)]
    for n in range(length):
        alone = n not in full and n not in near and (n == 0 or slots[n - 1] is not None)
        if n in empty or (alone and chance.random() < 0.25):
            slots[n] = None
    return slots


def _sizes(pieces: Plain) -> str:
    return " + ".join(str(len(piece)) for piece in pieces[:40]) + " slots"


def _by_number(pieces: Plain) -> list[Slot]:
    rows, at = [], 0
    for piece in pieces:
        rows.append((at, at + len(piece) - 1, f"{len(piece)} slots"))
        at += len(piece)
    return rows


class WhichPathUp(Predict):
    """The path and the price of five writes to a tree of two levels."""

    id = "04.e3"
    name = "my_writes"
    title = "Which path, and how many new nodes?"
    goal = "Tell whether a write spans two leaves or rebalances, and count the nodes it makes."
    points, minutes, difficulty, misconception = 5, 8, 2, "M5"
    hints = (
        "Look at the ends of the leaf that a write begins in: does the range reach its last index, or go past it?",
        "Only an entry may end a leaf. And a leaf that is not the root keeps at least 7 slots.",
        "exact, slot store and node store make 0 nodes; the other two make the new leaves and the root above them.",
    )
    shown = 2
    paths: ClassVar[tuple[str, ...]] = ("exact", "slot store", "node store", "rebalance", "spanning")

    def instance(self, learner: str = "") -> tuple[MapleTree, list[Store]]:
        """A tree of four leaves, the second with just 7 slots, and five writes, each to the tree as it is."""
        chance = self._chance("instance", learner)
        while True:
            tree = trees.grown(chance, 40, 0.1)
            short = self._shortened(tree) if tree.height == 2 and len(tree.root.slots) == 4 else None
            if short:
                stores = self._writes(chance, tree, short)
                chance.shuffle(stores)
                if {path for path, _ in self._outcomes(tree, stores)} <= set(self.paths):
                    return tree, stores

    @staticmethod
    def _shortened(tree: MapleTree) -> int | None:
        """Erase inside the third leaf until it has 7 slots; an index beside its hole, None if it failed."""
        node = tree.root.slots[2]
        while len(node.slots) > 7:
            at = next((n for n in range(2, len(node.slots) - 3) if node.slots[n] is not None), None)
            if at is None:
                return None
            tree.erase(node.pivots[at])
            node = tree.root.slots[2]
            if len(tree.root.slots) != 4:
                return None
        hole = next((n for n, slot in enumerate(node.slots) if slot is None and 0 < n < 5), None)
        return None if hole is None or node.slots[hole + 1] is None else node.pivots[hole + 1]

    @staticmethod
    def _writes(chance: random.Random, tree: MapleTree, beside: int) -> list[Store]:
        first, second, third, fourth = tree.root.slots
        end = chance.choice((first, second))
        last = (end.pivots[-2] + 1, end.pivots[-1])
        low, high, _ = tree.range_at(beside)
        wide = (first.pivots[chance.randrange(2, 5)] - 3, second.pivots[chance.randrange(-6, -3)] - 4, "Y")
        at = next(n for n in range(2, 7) if fourth.slots[n] is not None)
        left, right = fourth.pivots[at - 1] + 1, fourth.pivots[at]
        before = fourth.pivots[at - 2] + 1
        inner = chance.choice(((left + 2, right - 3, "Z"), (left, right, None), (before, left + 4, "Z")))
        span = (third.pivots[-1] - chance.randrange(3, 30), third.pivots[-1] + chance.randrange(3, 30), "Z")
        return [(*last, None), (*last, "X"), (low, high, None), wide, chance.choice((inner, span))]

    def task(self, learner: str = "") -> str:
        """See Exercise."""
        tree, stores = self.instance(learner)
        lines = "\n".join(f"w{n}: store_range{store}" for n, store in enumerate(stores, 1))
        return f"The tree:\n\n{trees.shown(tree)}\n\nEach write meets the tree as it stands above:\n\n{lines}"

    def answers(self, learner: str = "") -> dict[str, Plain]:
        """See Predict: paths and node counts of the library's watched writes."""
        return {f"w{n}": list(found) for n, found in enumerate(self._outcomes(*self.instance(learner)), 1)}

    @staticmethod
    def _outcomes(tree: MapleTree, stores: list[Store]) -> list[tuple[str, int]]:
        """Path and number of new nodes of each store, on a copy of the tree."""
        found = []
        for store in stores:
            trial = tree.copy()
            with trial.watch() as log:
                trial.store_range(*store)
            found.append((log[0].path, log[0].nodes.used))
        return found

    def explain(self, key: str, expected: Plain, got: Plain) -> Verdict:
        """See Predict; path and number are worth half each."""
        if len(got) != 2 or type(got[0]) is not str or type(got[1]) is not int:
            return wrong_shape(f"{key}: expected a list like ['exact', 0]: path and number of new nodes", got)
        if got[0] not in self.paths:
            return wrong_shape(f"{key}: {told(got[0], 40)} is no path, expected one of {', '.join(self.paths)}", got)
        path, nodes = got[0] == expected[0], got[1] == expected[1]
        said = self._why[expected[0]] if not path else self._price[expected[1] > 0]
        lead = {
            (True, False): "the path is right, the number of new nodes is not",
            (False, True): "the number of new nodes is right, the path is not",
            (False, False): "neither the path nor the number of new nodes",
        }[path, nodes]
        return Verdict(0.5 if path or nodes else 0, f"{key}: {lead}; {said}", got=told(got))

    _why: ClassVar[dict[str, str]] = {
        "exact": "compare the range with that of the slot it begins in",
        "slot store": "count the slots of the leaf before and after",
        "node store": "count the slots of the leaf before and after",
        "rebalance": "count the slots that the leaf keeps: are these enough",
        "spanning": "look at the last index of the leaf: does the range go past it, or would a NULL end the leaf",
    }
    _price: ClassVar[dict[bool, str]] = {
        True: "how many slots do the leaves that take part have together, and how many leaves are that? "
        "What is above them is made anew, too",
        False: "this path writes into the leaf where it is",
    }


class TreeIsSound(Assertions):
    """The rules of chapters 02 to 04 as one check of a whole tree."""

    id = "04.e4"
    name = "tree_is_sound"
    title = "A check for the whole tree"
    goal = "Turn what you know of pivots, levels, slots and NULLs into one check."
    points, minutes, difficulty, misconception = 7, 16, 3, "M36"
    hints = (
        "Notebook 02 has rules for pivots and levels, 03 for NULLs that touch, 04 for numbers of slots and leaf ends.",
        "A node does not know where it begins and ends; its parent does. Go down, and take first and last index along.",
        "def sound(node, first, last, depth): [first - 1, *pivots] has to rise and end at last. Collect leaf depths.",
    )
    pairs = 3
    defects: ClassVar[Mapping[str, Defect]] = {
        "a pivot that falls": planted(tree_defects.made(1, 2, 2), tree_defects.pivot_falls),
        "a slot that holds no index": planted(tree_defects.made(1, 2, 3), tree_defects.pivot_twice),
        "a child that ends elsewhere": planted(tree_defects.made(2, 2, 3), tree_defects.child_ends_elsewhere),
        "a child that begins too low": planted(tree_defects.made(2, 2, 3), tree_defects.child_begins_too_low),
        "a tree that ends too soon": planted(tree_defects.made(1, 2, 3), tree_defects.ends_too_soon),
        "a leaf at another depth": planted(tree_defects.made(3), tree_defects.leaf_too_high),
        "a root with one child": planted(tree_defects.made(1), tree_defects.one_child),
        "a leaf with too few slots": planted(tree_defects.made(2, 2, 3), tree_defects.leaf_too_short),
        "an inner node with too few slots": planted(tree_defects.made(3), tree_defects.node_too_short),
        "a leaf with too many slots": planted(tree_defects.made(1, 2), tree_defects.leaf_too_long),
        "two NULLs that touch": planted(tree_defects.made(1, 2, 2), tree_defects.two_nulls),
        "a leaf that ends in a NULL": planted(tree_defects.made(2, 2, 3), tree_defects.leaf_ends_in_null),
    }
    shown = ("a pivot that falls", "a child that ends elsewhere", "a leaf with too few slots")

    def odd(self, chance: random.Random) -> Iterator[Odd]:
        """See Assertions."""
        first = chance.randrange(5, 500)
        yield Odd([_tree((first, first + 4, "a"))], "the root is a leaf, and a root may have fewer than 7 slots")
        yield Odd([None], "an empty tree has no node, so no rule is broken")
        yield Odd([_tree((0, ULONG_MAX, "a"))], "one range over all indices is one slot")
        yield Odd(
            [_tree((0, first, "a"), (first + 1, first + 1, "a"))],
            "two equal entries that touch stay two slots, only NULLs become one; and a slot may hold a single index",
        )
        yield Odd([_tree((first, ULONG_MAX, "a"))], "the last leaf may end in a NULL, it need not")
        few = [(at * 10, at * 10 + 9, f"r{at}") for at in range(36)]
        yield Odd([_tree(*few[:15])], "a leaf of 16 slots is full, and that is no defect")
        low = _tree(*few, *((index, index + 9, None) for index in range(40, 130, 10)))
        yield Odd([low], "a leaf has 7 slots, and that is enough")
        border = _tree(*few[:24])["pivots"][0]
        hole = _tree(*few[:24], (border + 1, border + 10, None))
        yield Odd([hole], "a leaf begins with a NULL, and the leaf before it does not end in one")
        for levels in (2, 3):
            yield Odd([tree_defects.made(levels)(chance)], f"{levels} levels, and nothing is wrong on any of them")

    def sound(self, *args: Plain) -> bool:
        """See Assertions: MapleTree.check() finds nothing, where the nodes are those of the plain tree."""
        return not tree_defects.broken_rules(args[0])

    def lines(self, *args: Plain) -> list[str]:
        """See Assertions."""
        return tree_defects.as_lines(args[0])

    def why(self, *args: Plain) -> str:
        """See Assertions: the two exceptions that most false alarms come from."""
        return "a root may have fewer than 7 slots, and the last leaf of all may end in a NULL"


def _tree(*stores: Store) -> Plain:
    """The plain nodes of a tree with these stores."""
    tree = MapleTree()
    for store in stores:
        tree.store_range(*store)
    return trees.plain_node(tree.root)


SET = (LeavesAfterEachStore(), Cut(), WhichPathUp(), TreeIsSound())
