"""Faults that can be planted in the WebDAV server, so that one can watch a model find them.

Each is a small, honest bug of the kind servers have had: the answer looks right and the effect is wrong. `server.py --fault NAME`
plants one; `plant` puts it into the provider (how files are kept), the lock manager (who may write) or around the application
(which headers arrive).
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from wsgidav.fs_dav_provider import FileResource, FilesystemProvider, FolderResource
from wsgidav.lock_man.lock_manager import LockManager
from wsgidav.lock_man.lock_storage import LockStorageDict

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One planted fault; a part left at None is the healthy one."""

    summary: str
    file: type[FileResource] | None = None
    folder: type[FolderResource] | None = None
    locks: type[LockManager] | None = None
    ignored_headers: tuple[str, ...] = ()  #: WSGI names of request headers that never reach the application


class FaultyProvider(FilesystemProvider):
    """Serves files and folders through the classes of one fault."""

    def __init__(self, root: Path, fault: Fault) -> None:
        super().__init__(str(root), fs_opts={"shadow_map": {}, "follow_symlinks": False})
        self._fault = fault

    def get_resource_inst(self, path: str, environ: dict[str, Any]) -> Any:
        resource = super().get_resource_inst(path, environ)
        if type(resource) is FileResource and self._fault.file is not None:
            return self._fault.file(path, environ, resource._file_path)
        if type(resource) is FolderResource and self._fault.folder is not None:
            return self._fault.folder(path, environ, resource._file_path)
        return resource


class _LostOverwrite(FileResource):
    def begin_write(self, *, content_type: str | None = None) -> BinaryIO:
        if self.get_content_length() > 0:
            return BytesIO()  # the bytes go nowhere and the old ones stay
        return super().begin_write(content_type=content_type)  # type: ignore[no-any-return]


class _StaleEtag(FileResource):
    def get_etag(self) -> str:
        return f"{Path(self._file_path).stat().st_ino}"  # says which file it is, not which version


class _EmptyCopy(FileResource):
    def copy_move_single(self, dest_path: str, *, is_move: bool) -> None:
        Path(self.provider._loc_to_file_path(dest_path, self.environ)).write_bytes(b"")


class _MoveLeavesSource(FileResource):
    def move_recursive(self, dest_path: str) -> None:
        self.copy_move_single(dest_path, is_move=True)


class _DeleteForgets(FileResource):
    def delete(self) -> None:
        self.remove_all_locks(recursive=True)


class _ShortListing(FolderResource):
    def get_member_names(self) -> list[str]:
        return sorted(super().get_member_names())[:-1]


class _IgnoredLocks(LockManager):
    def check_write_permission(self, *, url: str, depth: str, token_list: list[str], principal: str) -> None:
        return

    @contextmanager
    def write_transaction(self, *, url: str, token_list: list[str], principal: str, depth: str = "0") -> Iterator[None]:
        yield


class _StickyLocks(LockManager):
    def release(self, token: str) -> None:
        return


FAULTS = {
    "lost-overwrite": Fault(summary="PUT over an existing file answers 204 and keeps the old content", file=_LostOverwrite),
    "stale-etag": Fault(summary="the ETag stays the same when the content changes", file=_StaleEtag),
    "copy-drops-content": Fault(summary="COPY answers 201 and makes an empty file", file=_EmptyCopy),
    "move-leaves-source": Fault(summary="MOVE answers 201 and the file is still at its old place", file=_MoveLeavesSource),
    "forgetful-delete": Fault(summary="DELETE answers 204 and the file is still there", file=_DeleteForgets),
    "short-listing": Fault(summary="PROPFIND leaves out one member of a collection", folder=_ShortListing),
    "ignored-lock": Fault(summary="a locked file can be written without the lock token", locks=_IgnoredLocks),
    "sticky-lock": Fault(summary="UNLOCK answers 204 and the lock stays", locks=_StickyLocks),
    "blind-update": Fault(
        summary="If-Match and If-None-Match are ignored: updates get lost",
        ignored_headers=("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"),
    ),
}
HEALTHY = Fault(summary="none")


def plant_locks(provider: FilesystemProvider, fault: Fault) -> None:
    """Give `provider` the fault's lock manager; call it after WsgiDAV has given it the healthy one."""
    if fault.locks is not None:
        provider.set_lock_manager(fault.locks(LockStorageDict()))


def ignoring(application: Application, headers: tuple[str, ...]) -> Application:
    """`application`, deaf to these request headers."""

    def deaf(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        for name in headers:
            environ.pop(name, None)
        return application(environ, start_response)

    return deaf if headers else application
