"""The catalog keeps models, gives them versions and never forgets an id."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from melanzana.catalog.checking import checked
from melanzana.catalog.records import ModelFilter
from melanzana.catalog.service import CatalogService
from melanzana.errors import ConflictError, InvalidModelError, NotFoundError
from melanzana.graph.model import Action, Box, Model, TestCase, TestCaseStep, derived_id
from melanzana.storage.database import InlineDatabase
from melanzana.storage.migrations import migrate
from support_executions import REALM, ManualClock, doors

pytestmark = pytest.mark.anyio


@pytest.fixture
async def catalog() -> AsyncIterator[CatalogService]:
    """A catalog without models."""
    database = InlineDatabase.open()
    await migrate(database)
    yield CatalogService(database, ManualClock())
    await database.close()


def with_action(model: Model, name: str) -> Model:
    """`model` with one more way from its first state to its second."""
    first, second, *rest = model.states
    action = Action(id=derived_id(model.name, first.name, name), name=name, targets=(second.id,))
    return replace(model, states=(replace(first, actions=(*first.actions, action)), second, *rest))


async def test_a_new_model_is_version_1(catalog: CatalogService) -> None:
    """The first upload makes the model and its version 1, with the document's hash."""
    version = await catalog.add_model(REALM, None, "shop", doors(), created_by="ci")
    entry = await catalog.get(REALM, version.model_id)
    assert (entry.uuid, entry.name, entry.group, entry.version, entry.created_by) == (doors().id, "Doors", "shop", 1, "ci")
    assert version.model_hash == checked(doors()).model_hash


async def test_changed_logic_is_a_new_version(catalog: CatalogService) -> None:
    """Another action makes version 2; version 1 stays as it was."""
    first = await catalog.add_model(REALM, None, None, doors())
    second = await catalog.add_model(REALM, None, None, with_action(doors(), "climb"))
    assert (second.model_id, second.version) == (first.model_id, 2)
    assert (await catalog.version(REALM, first.uuid, 1)).model_hash == first.model_hash
    assert [version.version for version in await catalog.list_versions(REALM, first.uuid)] == [2, 1]


async def test_the_same_model_again_changes_nothing(catalog: CatalogService) -> None:
    """Uploading what is there already leaves version and revision alone."""
    await catalog.save(REALM, checked(doors()), "ci")
    again = await catalog.save(REALM, checked(doors()), "somebody else")
    assert not again.created
    assert (again.entry.version, again.entry.revision, again.entry.updated_by) == (1, 1, "ci")


async def test_moved_boxes_are_no_new_version(catalog: CatalogService) -> None:
    """A changed layout is written into the newest version, whose hash stays; only the revision grows."""
    await catalog.save(REALM, checked(doors()), "ci")
    moved = replace(doors(), layout={doors().states[0].id: Box(x=1, y=2)})
    saved = await catalog.save(REALM, checked(moved), "ci")
    assert (saved.created, saved.version.version, saved.entry.revision) == (False, 1, 2)
    version = await catalog.version(REALM, moved.id)
    assert "layout" in version.document
    assert version.model_hash == checked(doors()).model_hash


async def test_an_invalid_model_is_refused_whole(catalog: CatalogService) -> None:
    """A model that breaks a rule raises every finding and leaves nothing behind."""
    bad = doors()
    bad = replace(bad, states=(replace(bad.states[0], actions=(Action(id="x", name="x", guard="1 +"),)), *bad.states[1:]))
    with pytest.raises(InvalidModelError) as caught:
        await catalog.add_model(REALM, None, None, bad)
    assert caught.value.findings
    assert await catalog.list_models(REALM) == ((), 0)


async def test_an_outdated_revision_is_refused(catalog: CatalogService) -> None:
    """Who changes a model that somebody else has changed since is told so, and nothing is written."""
    await catalog.save(REALM, checked(doors()), "ci")
    await catalog.save(REALM, checked(with_action(doors(), "climb")), "ci", expected_revision=1)
    with pytest.raises(ConflictError):
        await catalog.save(REALM, checked(doors()), "ci", expected_revision=1)
    with pytest.raises(ConflictError):
        await catalog.delete(REALM, doors().id, "ci", expected_revision=1)
    assert (await catalog.get(REALM, doors().id)).version == 2


async def test_a_deleted_model_comes_back_where_it_stopped(catalog: CatalogService) -> None:
    """Deleting hides a model; its uuid uploaded again is the same model with its history."""
    first = await catalog.add_model(REALM, None, None, doors())
    await catalog.delete(REALM, first.model_id, "ci")
    with pytest.raises(NotFoundError):
        await catalog.get(REALM, first.uuid)
    assert await catalog.ids_of(REALM, [first.uuid]) == {first.uuid: first.model_id}
    again = await catalog.add_model(REALM, None, None, with_action(doors(), "climb"))
    assert (again.model_id, again.version) == (first.model_id, 2)


async def test_the_same_logic_brings_a_deleted_model_back(catalog: CatalogService) -> None:
    """Uploading the deleted version itself makes the model visible again without a new version."""
    await catalog.add_model(REALM, None, None, doors())
    await catalog.delete(REALM, doors().id, "ci")
    assert (await catalog.add_model(REALM, None, None, doors())).version == 1
    assert (await catalog.get(REALM, doors().id)).deleted_at is None


async def test_realms_do_not_see_each_other(catalog: CatalogService) -> None:
    """The same uuid is two models in two realms, and neither id leads to the other."""
    ours = await catalog.add_model(REALM, None, None, doors())
    theirs = await catalog.add_model("elsewhere", None, None, doors())
    assert ours.model_id != theirs.model_id
    with pytest.raises(NotFoundError):
        await catalog.get(REALM, theirs.model_id)
    assert await catalog.uuid_of("elsewhere", ours.model_id) is None


async def test_a_version_that_does_not_exist_is_not_found(catalog: CatalogService) -> None:
    """Asking for version 2 of a model with one names the newest."""
    await catalog.add_model(REALM, None, None, doors())
    with pytest.raises(NotFoundError, match="newest is 1"):
        await catalog.version(REALM, doors().id, 2)


async def test_test_cases_keep_their_integer_ids(catalog: CatalogService) -> None:
    """A test case has the same integer id in every version, also after it was gone for a while."""
    model = doors()
    extra = TestCase(id="extra", name="extra", steps=(TestCaseStep(action=model.states[0].actions[0].id),))
    await catalog.add_model(REALM, None, None, model)
    (before,) = await catalog.list_test_cases(REALM, model.id)
    await catalog.add_model(REALM, None, None, replace(model, test_cases=(extra,)))
    await catalog.add_model(REALM, None, None, replace(model, test_cases=(extra, *model.test_cases)))
    ids = {entry.name: entry.id for entry in await catalog.list_test_cases(REALM, model.id)}
    assert ids[before.name] == before.id
    assert ids["extra"] != before.id
    assert await catalog.case_uuid_of(REALM, before.id) == before.uuid
    assert await catalog.case_uuid_of("elsewhere", before.id) is None


async def test_a_test_case_has_three_names(catalog: CatalogService) -> None:
    """Integer id, digits, id in the model and name lead to the same test case; anything else is not found."""
    await catalog.add_model(REALM, None, None, doors())
    (entry,) = await catalog.list_test_cases(REALM, doors().id)
    for ref in (entry.id, str(entry.id), entry.uuid, entry.name):
        assert (await catalog.test_case(REALM, doors().id, ref)).uuid == doors().test_cases[0].id
    with pytest.raises(NotFoundError):
        await catalog.test_case(REALM, doors().id, "nothing")


async def test_lists_are_filtered_and_paged(catalog: CatalogService) -> None:
    """Name and group match exactly; the total counts every page."""
    for number in range(5):
        model = replace(doors(), id=derived_id("paged", str(number)), name=f"Doors {number}")
        await catalog.add_model(REALM, None, "even" if number % 2 == 0 else "odd", model)
    page, total = await catalog.list_models(REALM, ModelFilter(group="even", offset=1, limit=1))
    assert ([entry.name for entry in page], total) == (["Doors 2"], 3)
    page, total = await catalog.list_models(REALM, ModelFilter(name="Doors 3"))
    assert ([entry.name for entry in page], total) == (["Doors 3"], 1)
