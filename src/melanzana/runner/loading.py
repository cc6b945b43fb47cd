"""Imports the Python modules of a suite folder, once, in the process that performs them.

Every `.py` file directly in the folder and every package there is a suite module; names that begin with `_`, `test_*`, `conftest`
and `setup` are not. Whatever goes wrong while importing is a SuiteError that ends in the last line of the traceback.
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from melanzana.errors import SuiteError
from melanzana.runner.failures import describe
from melanzana.runner.interruption import StepAborted
from melanzana.runner.naming import did_you_mean

_NOT_STEPS = {"conftest", "setup"}


def open_folder(suite: str | Path) -> Path:
    """The suite's folder, absolute, now first on the import path. Raises SuiteError when there is none."""
    folder = Path(suite).expanduser().resolve()
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise SuiteError(f"the suite folder {folder} {what}", suite=str(folder))
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    return folder


def module_names(folder: Path) -> tuple[str, ...]:
    """The names of the suite's modules, sorted."""
    found = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    return tuple(sorted(name for name in found if _holds_steps(name)))


def load_module(folder: Path, name: str) -> ModuleType:
    """The module called `name`, which must lie in the suite's folder."""
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            hint = did_you_mean(name, module_names(folder))
            raise SuiteError(f"there is no module {name!r} in the suite {folder}{hint}", module=name) from None
        raise _not_importable(folder, name, error) from error
    except (StepAborted, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise _not_importable(folder, name, error) from error
    if not _lies_in(module, folder):
        raise SuiteError(
            f"module {name!r} is not the suite's: {getattr(module, '__file__', None) or 'a part of Python'} was imported before; "
            "rename the suite's module",
            module=name,
        )
    return module


def _holds_steps(name: str) -> bool:
    return name.isidentifier() and not name.startswith(("_", "test_")) and name not in _NOT_STEPS


def _not_importable(folder: Path, name: str, error: BaseException) -> SuiteError:
    failure = describe(error, folder)
    return SuiteError(f"cannot import the suite's module {name!r}: {failure.message}", module=name, trace=failure.trace)


def _lies_in(module: ModuleType, folder: Path) -> bool:
    places = [module.__file__] if getattr(module, "__file__", None) else list(getattr(module, "__path__", []))
    return any(place is not None and Path(place).resolve().is_relative_to(folder) for place in places)
