"""Tags of a model over REST."""

from pathlib import Path

import pytest

from support_app import running_app
from support_executions import MODEL_TEXT

pytestmark = pytest.mark.anyio


async def test_tags_are_versions_of_the_model_and_wrong_ones_are_told(tmp_path: Path) -> None:
    """Adding and renaming make a version each; a tag twice is 409, one that is not there 404, one with a comma 422."""
    async with running_app(tmp_path) as app:
        await app.sign_in()
        model = (await app.http.post("/ai/models", content=MODEL_TEXT, headers={"Content-Type": "application/yaml"})).json()
        path = f"/ai/models/{model['id']}/tags"
        assert (await app.http.get(path)).json() == []
        assert (await app.http.post(path, json={"tag": "smoke"})).status_code == 201
        assert (await app.http.post(path, json={"tag": "slow"})).json() == {"id": 2, "tag": "slow"}
        assert (await app.http.put(f"{path}/1", json={"tag": "release"})).json() == {"id": 1, "tag": "release"}
        assert [one["tag"] for one in (await app.http.get(path)).json()] == ["release", "slow"]
        assert (await app.http.get(f"/ai/models/{model['id']}")).json()["version"] == 4
        wrong = [
            await app.http.post(path, json={"tag": "slow"}),
            await app.http.put(f"{path}/1", json={"tag": "slow"}),
            await app.http.put(f"{path}/3", json={"tag": "new"}),
            await app.http.post(path, json={"tag": "a,b"}),
        ]
        assert [answer.status_code for answer in wrong] == [409, 409, 404, 422]
        assert (await app.http.put(f"{path}/1", json={"tag": "release"})).status_code == 200  # nothing to do
        assert (await app.http.get(f"/ai/models/{model['id']}")).json()["version"] == 4
