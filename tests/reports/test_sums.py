"""Sums over runs, whatever order they come in, and what is foretold from them."""

import json

from hypothesis import given
from hypothesis import strategies as st

from melanzana.generation.kinds import Kind, Word
from melanzana.reports.coverage import summed
from melanzana.reports.outcomes import read, written
from melanzana.reports.prediction import LEAST_RUNS, Outlook, Sample, predict, unseen_things
from melanzana.reports.records import Tally
from melanzana.reports.sums import RunSum, merged

PATHS = Kind(Word.PATH, 2)
COUNTS = st.integers(1, 9)
IDS = st.sampled_from("abcdef")
PAIRS = st.tuples(IDS, st.none() | IDS)
TALLIES = st.builds(
    lambda hits, taken, paths: Tally(hits=hits, transition_hits=taken, further={PATHS: paths} if paths else {}),
    st.dictionaries(IDS, COUNTS),
    st.dictionaries(PAIRS, COUNTS),
    st.dictionaries(st.tuples(PAIRS, PAIRS), COUNTS),
)
RUNS = st.dictionaries(st.integers(1, 99), TALLIES, max_size=8)


def sum_of(runs: dict[int, Tally]) -> RunSum:
    found = RunSum()
    for number, tally in runs.items():
        found.add(number, 1.0, tally)
    return found


@given(RUNS)
def test_a_sum_of_runs_is_the_sum_of_their_tallies(runs: dict[int, Tally]) -> None:
    """Each kind, each thing."""
    assert sum_of(runs).tally() == summed(runs.values())


@given(RUNS, st.randoms())
def test_the_order_of_runs_does_not_matter_and_sums_can_be_merged(runs: dict[int, Tally], chance: object) -> None:
    """Curve, frequencies and hits are the same however the runs are put together."""
    numbers = list(runs)
    chance.shuffle(numbers)  # type: ignore[attr-defined]
    whole = sum_of(runs)
    parts = [sum_of({n: runs[n] for n in numbers[0::2]}), sum_of({n: runs[n] for n in numbers[1::2]})]
    for other in (sum_of({n: runs[n] for n in numbers}), merged(parts)):
        assert (other.numbers, other.seen) == (whole.numbers, whole.seen)
        assert other.curve(set("abcdef")) == whole.curve(set("abcdef"))


@given(RUNS)
def test_a_curve_never_falls_and_ends_at_what_is_covered(runs: dict[int, Tally]) -> None:
    """After the last run it is the number of wanted things that have hits; of others it does not know."""
    points = sum_of(runs).curve(set("abc"))
    assert [point.covered for point in points] == sorted(point.covered for point in points)
    assert (points[-1].covered if points else 0) == len({one for tally in runs.values() for one in tally.hits} & set("abc"))
    for point in points:
        seen = {one for number, tally in runs.items() if number <= point.run_id for one in tally.hits}
        assert (point.covered, point.runs) == (len(seen & set("abc")), sum(number <= point.run_id for number in runs))


@given(TALLIES)
def test_what_is_kept_is_read_as_it_was(tally: Tally) -> None:
    """Elements and transitions, and a further kind, through JSON."""
    assert read(json.loads(json.dumps(written(tally)))) == Tally(hits=tally.hits, transition_hits=tally.transition_hits)
    found = read(json.loads(json.dumps(written(tally, PATHS))), PATHS)
    assert found.further[PATHS] == tally.further.get(PATHS, {})


SAMPLES = st.builds(
    lambda runs, once, twice, more, left: Sample(
        runs=runs, covered=once + twice + more, once=once, twice=twice, total=once + twice + more + left
    ),
    st.integers(LEAST_RUNS, 200),
    *(st.integers(0, 50) for _ in range(4)),
).filter(lambda sample: sample.total > 0)


@given(SAMPLES, st.floats(0.05, 1.0))
def test_a_prediction_keeps_to_what_is_there(sample: Sample, goal: float) -> None:
    """Reached exactly when it is; an asymptote between what is covered and everything; runs to go only where it leads there."""
    found = predict(sample, goal)
    assert (found.outlook is Outlook.REACHED) == (sample.covered >= goal * sample.total - 1e-9)
    if found.asymptote is not None:
        assert sample.covered / sample.total <= found.asymptote <= 1 + 1e-9
    if found.outlook is Outlook.EXPECTED:
        assert found.more_runs is not None and found.more_runs >= 1 and found.asymptote is not None
        assert found.asymptote > sample.covered / sample.total


@given(SAMPLES)
def test_a_nearer_goal_takes_no_more_runs(sample: Sample) -> None:
    """As long as both are expected."""
    near, far = predict(sample, 0.7), predict(sample, 0.9)
    if near.more_runs is not None and far.more_runs is not None:
        assert near.more_runs <= far.more_runs


def test_few_runs_and_nothing_rare() -> None:
    """Too few runs say nothing; when everything was seen often, nothing more is expected; the figures are those of the paper."""
    assert predict(Sample(runs=4, covered=3, once=3, twice=0, total=10)).outlook is Outlook.UNKNOWN
    settled = predict(Sample(runs=50, covered=5, once=0, twice=0, total=10))
    assert (settled.outlook, settled.asymptote) == (Outlook.LEVELS_OFF, 0.5)
    assert unseen_things(10, 4, 2) == 0.9 * 16 / 4
    assert predict(Sample(runs=10, covered=80, once=20, twice=10, total=100)).outlook is Outlook.EXPECTED
