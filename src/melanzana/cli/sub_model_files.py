"""The models that a model's actions walk inside themselves, at home: files that were named, then those beside the model's file.

`run` and `generate` ask. Files beside it are read only for a model that has sub-models; one that is no model is passed over.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

import typer

from melanzana.errors import ModelError, RequestError
from melanzana.graph.model import Model

#: Files beside a model that are looked into at most.
_MOST_FILES = 200
_ENDINGS = frozenset({".yaml", ".yml", ".json"})


def find_sub_models(model: Model, file: Path, named: Iterable[Path]) -> dict[str, Model]:
    """By uuid, those of every depth; none when the model has no sub-models. A missing one ends the command with 2."""
    from melanzana.generation.sub_models import calling, find_in, needed
    from melanzana.graph.validation import require_valid

    if not calling(model):
        return {}
    folder = [] if str(file) == "-" else sorted(file.parent.iterdir())
    beside = (path for path in folder if path.suffix in _ENDINGS and path.is_file() and path.resolve() != file.resolve())
    models = chain((_read(path, must=True) for path in named), _readable(islice(beside, _MOST_FILES)))
    try:
        found = needed(model, find_in([one for one in models if one is not None]))
    except RequestError as error:
        message = f"{error.message} beside {file.name}: name its file with --sub-model"
        raise typer.BadParameter(message, param_hint="--sub-model") from None
    for one in found.values():
        require_valid(one)
    return found


def _readable(paths: Iterable[Path]) -> Iterator[Model | None]:
    return (_read(path, must=False) for path in paths)


def _read(path: Path, *, must: bool) -> Model | None:
    from melanzana.graph.formats.reading import read_model

    try:
        return read_model(path.read_bytes(), str(path), path.parent).model
    except OSError as error:
        if must:
            raise typer.BadParameter(f"{path} cannot be read: {error.strerror}", param_hint="--sub-model") from None
    except ModelError:
        if must:
            raise
    return None
