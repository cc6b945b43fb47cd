"""Whatever is done to a chain of records is found."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from melanzana.audit.chain import FIRST_HASH, Follower, Link, record_hash
from melanzana.audit.records import Head

_FIELDS = st.lists(st.tuples(st.text(max_size=8), st.integers(0, 9), st.text(max_size=8)), min_size=2, max_size=12)


def _chain(contents: list[tuple[object, ...]]) -> list[Link]:
    links: list[Link] = []
    previous = FIRST_HASH
    for number, fields in enumerate(contents, start=1):
        numbered = (number, *fields)
        links.append(Link(number, numbered, previous, record_hash(previous, numbered)))
        previous = links[-1].hash
    return links


def _head(links: list[Link]) -> Head:
    return Head(number=links[-1].number, hash=links[-1].hash) if links else Head(number=0, hash=FIRST_HASH)


def _first_broken(links: list[Link], head: Head, kept: Head | None = None) -> int | None:
    follower = Follower(kept)
    follower.follow(links)
    follower.end(head)
    return follower.first_broken


@given(_FIELDS)
def test_whole_chain(contents: list[tuple[object, ...]]) -> None:
    """A chain that nobody touched is whole, from any end that was kept."""
    links = _chain(contents)
    assert _first_broken(links, _head(links)) is None
    assert all(_first_broken(links, _head(links), Head(number=link.number, hash=link.hash)) is None for link in links)


@given(_FIELDS, st.data())
def test_changed_record(contents: list[tuple[object, ...]], data: st.DataObject) -> None:
    """A record with any field changed is the first broken one, also when its own hash was made to fit."""
    links = _chain(contents)
    place = data.draw(st.integers(0, len(links) - 1))
    link = links[place]
    fields = (*link.fields[:-1], f"{link.fields[-1]}!")
    changed = [*links[:place], replace(link, fields=fields), *links[place + 1 :]]
    assert _first_broken(changed, _head(links)) == link.number
    mended = replace(link, fields=fields, hash=record_hash(link.previous_hash, fields))
    found = _first_broken([*links[:place], mended, *links[place + 1 :]], _head(links))
    assert found == (link.number if place == len(links) - 1 else link.number + 1)


@given(_FIELDS, st.data())
def test_removed_record(contents: list[tuple[object, ...]], data: st.DataObject) -> None:
    """A record that is gone is the first broken one, the last one too."""
    links = _chain(contents)
    place = data.draw(st.integers(0, len(links) - 1))
    assert _first_broken(links[:place] + links[place + 1 :], _head(links)) == place + 1


@given(_FIELDS, st.data())
def test_moved_record(contents: list[tuple[object, ...]], data: st.DataObject) -> None:
    """Two records that changed places are found at the first of them, whether or not they were numbered anew."""
    links = _chain(contents)
    first, second = sorted(data.draw(st.lists(st.integers(0, len(links) - 1), min_size=2, max_size=2, unique=True)))
    moved = list(links)
    moved[first], moved[second] = links[second], links[first]
    assert _first_broken(moved, _head(links)) == first + 1
    numbered = [replace(link, number=number) for number, link in enumerate(moved, start=1)]
    assert _first_broken(numbered, _head(links)) == first + 1


@given(_FIELDS, st.data())
def test_rewritten_chain(contents: list[tuple[object, ...]], data: st.DataObject) -> None:
    """Who rewrites everything, hashes and end too, is still found by an end that was kept outside."""
    links = _chain(contents)
    place = data.draw(st.integers(0, len(links) - 1))
    rewritten = _chain([*contents[:place], ("forged", 0, ""), *contents[place + 1 :]])
    kept = Head(number=links[-1].number, hash=links[-1].hash)
    unchanged = tuple(contents[place]) == ("forged", 0, "")
    assert _first_broken(rewritten, _head(rewritten)) is None
    assert (_first_broken(rewritten, _head(rewritten), kept) is None) == unchanged


def test_shortened_chain_with_kept_end() -> None:
    """A chain that was cut, its end moved back, is broken where the kept end says that there was more."""
    links = _chain([("a",), ("b",), ("c",)])
    kept = Head(number=3, hash=links[2].hash)
    assert _first_broken(links[:2], _head(links[:2]), kept) == 3
    assert _first_broken([], Head(number=0, hash=FIRST_HASH), kept) == 1
