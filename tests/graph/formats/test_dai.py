"""DAI model JSON: what is read from it, and that nothing is lost on the way through it."""

import json

from hypothesis import given

from melanzana.graph.formats.dai import read_dai, write_dai
from melanzana.graph.model import Model
from support_models import models


@given(models())
def test_dai_gives_back_the_model(model: Model) -> None:
    """A model written as DAI JSON and read again is the same model."""
    document = json.loads(json.dumps(write_dai(model), allow_nan=False))
    assert read_dai(document) == model
