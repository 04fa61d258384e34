"""Exercises of chapter 04: what typical wrong answers are told, and what they earn."""

import random
from collections.abc import Callable
from itertools import pairwise

import pytest

from mmsim.course.exercises import exercise, leaf, tree_defects, trees
from mmsim.course.exercises.assertions import ALARMS
from mmsim.course.exercises.model import Answer, Case, Exercise, Mark, Verdict, grade
from mmsim.course.exercises.plain import Plain, plain
from mmsim.maple import ULONG_MAX, MapleTree
from tests.exercise_answers import first_part, mark_of, mark_of_function
from tests.weird import weird

SEED = "a secret of the grader"
LEARNERS = ("", "ada", "bob", "eve")


def points_of(one: Exercise, mine: object, learner: str = "") -> float:
    return mark_of(one, mine, learner=learner).points


def called(one: Exercise, case: Case, answer: object) -> Verdict:
    return one.judge(case, plain(answer))


# -- 04.e1


def right_leaves(learner: str = "") -> list[str | None]:
    one = exercise("04.e1")
    return [one.write(after) for _, _, after in one.steps(learner)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_leaves_of_the_library_earn_all_and_each_step_changes_something(learner: str) -> None:
    one = exercise("04.e1")
    mine = right_leaves(learner)
    assert points_of(one, mine, learner) == one.points
    assert len(set(mine)) == 4
    for part in one.parts(learner):  # type: ignore[attr-defined]
        assert part[1][1]["joined"] <= 33


def test_another_number_of_leaves_is_told_how_many_slots_were_joined() -> None:
    one = exercise("04.e1")
    found = first_part(one, ["0-349 30 | 350-max 10", None, None, None])
    assert "joins 25 slots, and a leaf holds 16" in found.message
    assert points_of(one, ["0-349 30 | 350-max 10", *right_leaves()[1:]]) == 6


def test_a_cut_before_a_null_is_told_of_the_rule() -> None:
    one = exercise("04.e1")
    mine = ["0-169 13 | 170-349 12 | 350-max 10", None, None, None]  # 160-169 is a NULL, and cut off there
    found = first_part(one, mine)
    assert "no leaf but the last ends in a NULL" in found.message
    assert found.expected == "0-175 14 | 176-349 11 | 350-max 10"
    assert "* 0-175 14 slots" in found.difference


def test_wrong_numbers_with_the_right_borders_are_told_apart() -> None:
    found = first_part(exercise("04.e1"), ["0-175 12 | 176-349 11 | 350-max 10", None, None, None])
    assert "the borders are right, the numbers of slots are not" in found.message


def test_what_follows_from_an_own_cut_counts() -> None:
    one = exercise("04.e1")
    steps = one.steps("")  # type: ignore[attr-defined]
    after_one = [tuple(slot) for slot in steps[1][0]["content"]]
    own = [(0, 189, 14), (190, 349, 11), (350, ULONG_MAX, 10)]
    ends, mine = [], []
    for low, last, _ in own:
        ends.append(last)
        mine.append((low, last, sum(low <= at <= last for at, _, _ in after_one)))
    tree = trees.assembled(after_one, ends)
    if tree is None:  # the cut has to be at the end of a slot
        ends[0] = next(last for _, last, entry in after_one if last > 175 and entry)
        mine = [(0, ends[0], 0), (ends[0] + 1, 349, 0), (350, ULONG_MAX, 0)]
        mine = [(low, last, sum(low <= at <= last for at, _, _ in after_one)) for low, last, _ in mine]
        tree = trees.assembled(after_one, ends)
    assert tree is not None
    answer = [one.write(mine)]  # type: ignore[attr-defined]
    for step, _, _ in steps[1:]:
        tree.store_range(*step["store"])
        answer.append(one.write(trees.leaves(tree)))  # type: ignore[attr-defined]
    assert answer != right_leaves()
    assert points_of(one, answer) == 6


def test_the_state_before_for_every_step_earns_nothing() -> None:
    one = exercise("04.e1")
    for learner in LEARNERS:
        before = one.write(one.steps(learner)[0][1])  # type: ignore[attr-defined]
        assert points_of(one, [before] * 4, learner) == 0
        assert points_of(one, ["0-max 16"] * 4, learner) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [("0-199", "is no slot"), ("0-199 a", "is no leaf"), ("0-199 NULL", "is no leaf"), ("", "expected leaves")],
)
def test_what_is_no_list_of_leaves_is_told_the_form(text: str, said: str) -> None:
    found = first_part(exercise("04.e1"), [text, None, None, None])
    assert found.shape
    assert said in found.message


# -- 04.e2


def cases(group: str = "") -> list[Case]:
    return [case for case in exercise("04.e2").cases(SEED) if group in case.group]


def test_expected_pieces_are_those_of_real_stores() -> None:
    chance, seen = random.Random(4), set()
    for _ in range(120):
        tree = trees.grown(chance, 60, 0.3)
        for _ in range(4):
            at = chance.randrange(700)
            with tree.watch() as log:
                tree.store_range(at, at + chance.randrange(60), chance.choice(("X", None)))
            for step in log[0].steps[:1]:
                if step.action != "join":
                    continue
                slots = [entry for _, entry in step.joined]
                pieces = exercise("04.e2").expected(slots)  # type: ignore[attr-defined]
                ends = [len(piece) for piece in pieces]
                assert [sum(ends[: n + 1]) - 1 for n in range(len(ends) - 1)] == list(step.cuts)
                seen.add(len(pieces))
            tree.check()
    assert seen >= {1, 2}


def by_halves(slots: list[Plain]) -> list[list[Plain]]:
    half = (len(slots) + 1) // 2
    return [slots] if len(slots) <= 16 else [slots[:half], slots[half:]]


def test_the_hole_at_the_cut_is_named() -> None:
    one = exercise("04.e2")
    (case,) = [case for case in one.cases() if len(case.args[0]) == 18]
    found = called(one, case, by_halves(case.args[0]))
    assert "ends in a NULL" in found.message
    assert found.expected == "10 + 8 slots"
    assert found.got == "9 + 9 slots"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda slots: slots, "list of lists"),
        (lambda slots: 2, "list of lists"),
        (lambda slots: [slots[:16], slots[17:]], "one is lost, twice, or moved"),
        (lambda slots: [slots[:17], slots[17:]], "cut elsewhere|more than 16"),
        (lambda slots: [slots], "26 slots become 2 leaves here, not 1"),
        (lambda slots: [slots[:12], slots[12:]], "slots count from 0"),
    ],
)
def test_a_wrong_cut_is_told_what_is_wrong(answer: object, said: str) -> None:
    one = exercise("04.e2")
    case = one.cases()[2]
    found = called(one, case, answer(case.args[0]))  # type: ignore[operator]
    assert not found.right
    assert any(part in found.message for part in said.split("|"))


def test_a_cut_by_halves_only_earns_a_part() -> None:
    one = exercise("04.e2")
    answers = {case.key: Answer(by_halves(case.args[0])) for case in one.cases(SEED)}
    assert 0 < grade(one, one.cases(SEED), answers).points < one.points / 3


# -- 04.e3


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_five_writes_differ_and_no_path_is_right_for_most(learner: str) -> None:
    found = exercise("04.e3").answers(learner)  # type: ignore[attr-defined]
    for path in ("exact", "spanning", "rebalance"):
        assert points_of(exercise("04.e3"), {key: [path, 9] for key in found}, learner) <= 1.5


def test_an_erase_at_the_end_of_a_leaf_is_no_exact_store() -> None:
    one = exercise("04.e3")
    right = one.answers("")  # type: ignore[attr-defined]
    _, stores = one.instance("")  # type: ignore[attr-defined]
    key = next(f"w{n}" for n, store in enumerate(stores, 1) if right[f"w{n}"] == ["spanning", 3] and store[2] is None)
    mine = {**right, key: ["exact", 0]}
    found = first_part(one, mine)
    assert "neither the path nor the number of new nodes; look at the last index of the leaf" in found.message
    assert points_of(one, mine) == 4
    assert points_of(one, {**right, key: ["spanning", 2]}) == 4.5
    assert "What is above them is made anew, too" in first_part(one, {**right, key: ["spanning", 2]}).message


@pytest.mark.parametrize("value", [["exact"], ["exact", True], [3, 3], ["walk", 0], ["exact", 0, 0]])
def test_another_form_of_a_write_is_told(value: list[object]) -> None:
    found = first_part(exercise("04.e3"), {f"w{n}": value for n in range(1, 6)})
    assert found.shape
    assert "expected" in found.message


# -- 04.e4

Check = Callable[[Plain], object]


def checker(*left_out: str) -> Check:
    """A right check of a tree, without the rules that are left out."""

    def check(tree: Plain) -> bool:
        depths: set[int] = set()
        return tree is None or (not broken(tree, 0, ULONG_MAX, 0, depths) - {*left_out} and len(depths) == 1)

    def broken(node: Plain, first: int, last: int, depth: int, depths: set[int]) -> set[str]:
        pivots, slots = node["pivots"], node["slots"]
        is_leaf = type(slots[0]) is not dict
        rules = {
            "falls": all(one <= two for one, two in pairwise(pivots)),
            "no index": all(one != two for one, two in pairwise(pivots)),
            "begins": first <= pivots[0],
            "ends": pivots[-1] == last or last == ULONG_MAX,
            "max": last != ULONG_MAX or pivots[-1] == last,
            "one child": depth > 0 or is_leaf or len(slots) > 1,
            "short leaf": not depth or not is_leaf or len(slots) >= 7,
            "short node": not depth or is_leaf or len(slots) >= 7,
            "long": len(slots) <= 16,
            "nulls": not is_leaf or all(one is not None or two is not None for one, two in pairwise(slots)),
            "null end": not is_leaf or slots[-1] is not None or last == ULONG_MAX,
        }
        found = {rule for rule, kept in rules.items() if not kept}
        if is_leaf:
            depths.add(0 if "depth" in left_out else depth)
            return found
        for low, high, child in zip([first, *(pivot + 1 for pivot in pivots)], pivots, slots, strict=False):
            found |= broken(child, low, high, depth + 1, depths)
        return found

    return check


def mark(check: Check) -> Mark:
    return mark_of_function("04.e4", check)


def missed(check: Check) -> set[str]:
    """The groups that a check does not earn."""
    one = exercise("04.e4")
    return {case.group for case in one.cases(SEED) if not one.judge(case, plain(check(*case.args))).right}


def first_said(check: Check) -> str:
    one = exercise("04.e4")
    found = (one.judge(case, plain(check(*case.args))) for case in one.cases(SEED))
    return next(verdict.message for verdict in found if not verdict.right)


@pytest.mark.parametrize(
    ("rule", "group"),
    [
        ("falls", "a pivot that falls"),
        ("no index", "a slot that holds no index"),
        ("begins", "a child that begins too low"),
        ("ends", "a child that ends elsewhere"),
        ("max", "a tree that ends too soon"),
        ("depth", "a leaf at another depth"),
        ("one child", "a root with one child"),
        ("short leaf", "a leaf with too few slots"),
        ("short node", "an inner node with too few slots"),
        ("long", "a leaf with too many slots"),
        ("nulls", "two NULLs that touch"),
        ("null end", "a leaf that ends in a NULL"),
    ],
)
def test_each_defect_breaks_one_rule_and_no_other(rule: str, group: str) -> None:
    assert missed(checker(rule)) - {"examples", ALARMS} == {group}
    assert mark(checker(rule)).points < exercise("04.e4").points


def test_a_check_of_all_rules_earns_all() -> None:
    assert missed(checker()) == set()
    assert mark(checker()).points == exercise("04.e4").points


@pytest.mark.parametrize("seed", range(4))
def test_the_rules_hold_in_the_trees_of_the_library_and_it_sees_the_same_damage(seed: int) -> None:
    """Random stores: no false alarm. One number or entry changed at random: as MapleTree.check() says."""
    chance, check, seen = random.Random(seed), checker(), set()
    for _ in range(60):
        tree = MapleTree()
        reach = chance.choice((60, 400, 3000))
        for _ in range(chance.choice((3, 20, 60, 250))):
            at = chance.randrange(reach)
            last = at + (chance.randrange(reach // 4) if chance.random() < 0.1 else chance.randrange(6))
            tree.store_range(at, last, chance.choice("abcdef") if chance.random() < 0.8 else None)
        if not tree.height:
            continue
        tree.check()
        node = trees.plain_node(tree.root)
        assert check(node) is True
        assert tree_defects.broken_rules(node) == []
        spot = chance.choice(list(tree_defects.spots(node)))
        at = chance.randrange(len(spot.node["slots"]))
        if spot.leaf and chance.random() < 0.5:
            spot.node["slots"][at] = chance.choice(("x", None))
        else:
            spot.node["pivots"][at] += chance.choice((-9, -1, 0, 1, 9))
        sound = not tree_defects.broken_rules(node)
        assert check(node) is sound
        seen.add(sound)
    assert seen == {True, False}


def in_order(node: Plain) -> bool:
    """Looks at the order of pivots only, on each level."""
    if type(node) is not dict:
        return True
    return all(one < two for one, two in pairwise(node["pivots"])) and all(map(in_order, node["slots"]))


def same_least_for_all(node: Plain) -> bool:
    return node is not None and len(node["slots"]) >= 7 and bool(checker()(node))


@pytest.mark.parametrize(
    ("check", "points", "said"),
    [
        (lambda tree: True, 0, "in leaf [0] pivot 84 stands before 73, and pivots rise"),
        (lambda tree: False, 0, "a false alarm, nothing is damaged here: a root may have fewer than 7 slots"),
        (in_order, 1.5, "pivot 0 of the root is 105, but the child in this slot ends at 102"),
        (same_least_for_all, 2, "a false alarm"),
        (lambda tree: None, 0, "each way through it has to return True or False"),
        (lambda tree: 1, 0, "expected True (sound) or False (damaged)"),
    ],
)
def test_half_a_check_of_a_tree_is_told_what_it_missed(check: Check, points: float, said: str) -> None:
    assert mark(check).points <= points
    assert said in first_said(check)


def test_the_odd_trees_are_what_they_are_said_to_be() -> None:
    odd = {one.why: one.sound[0] for one in exercise("04.e4").odd(random.Random(5))}  # type: ignore[attr-defined]
    counts = {why: [len(spot.node["slots"]) for spot in tree_defects.spots(tree)] for why, tree in odd.items() if tree}
    assert None in odd.values()
    assert 7 in counts["a leaf has 7 slots, and that is enough"][1:]
    assert counts["a leaf of 16 slots is full, and that is no defect"] == [16]
    assert counts["one range over all indices is one slot"] == [1]
    begins = odd["a leaf begins with a NULL, and the leaf before it does not end in one"]
    assert any(child["slots"][0] is None for child in begins["slots"][1:])


def test_long_trees_are_told_in_few_lines() -> None:
    one = exercise("04.e4")
    for case in one.cases(SEED):
        found = one.judge(case, not case.part[0])
        assert len(found.difference.splitlines()) <= 120, case.key


# -- all of them


@pytest.mark.parametrize("key", ["04.e1", "04.e2", "04.e3"])
def test_no_answer_makes_a_judge_fail(key: str) -> None:
    one = exercise(key)
    for case in one.cases(SEED):
        for answer in weird(random.Random(case.key), 60):
            found = one.judge(case, answer)
            assert not found.right or answer == case.args
            assert found.message
            assert len(found.got) < 2000


def test_a_tree_is_put_together_only_where_it_can_be() -> None:
    content = [(n, n, "x") for n in range(20)] + [(20, ULONG_MAX, None)]
    assert trees.assembled(content, [9, ULONG_MAX]) is not None
    assert trees.assembled(content, [ULONG_MAX]) is None  # 21 slots
    assert trees.assembled(content, [9]) is None  # not to the end
    assert trees.assembled(content, [50, ULONG_MAX]) is None  # no slot ends there
    assert trees.assembled([(0, 9, "x"), (10, 19, None), (20, ULONG_MAX, None)], [19, ULONG_MAX]) is None
    for learner in LEARNERS:
        tree: MapleTree = exercise("04.e1").instance(learner)[0]  # type: ignore[attr-defined]
        again = trees.assembled(trees.content(tree), [last for _, last, _ in trees.leaves(tree)])
        assert again is not None
        again.check()
        assert trees.shown(again) == trees.shown(tree)
        assert leaf.text(trees.content(again)) == leaf.text(trees.content(tree))
