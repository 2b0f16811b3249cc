"""Shelf: the files under `mappings/` that one mapping is made of, each read once and remembered by its name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from interpres.fault import Fault, Place, did_you_mean


class Shelf:
    """Files by their name as the workspace says it (`mappings/npca/visit.yaml`).

    `overlay` holds texts that stand in place of files, by the same names: a draft in an editor, a recipe out of the store.
    `files` are the names of all that was read, in that order.
    """

    def __init__(self, folder: Path, overlay: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.overlay = overlay or {}
        self.files: list[str] = []

    def name(self, path: str) -> str:
        """The workspace's name of a path that begins at `mappings/`."""
        return f"{self.folder.name}/{path}"

    def holds(self, path: str) -> bool:
        """Whether there is such a file; a path that leaves the folder is none."""
        if ".." in PurePosixPath(path).parts or path.startswith("/") or "\0" in path or "\\" in path:
            return False
        return self.name(path) in self.overlay or (self.folder / path).is_file()

    def read(self, path: str) -> bytes:
        """The bytes of a file that `holds` said is there. Raises `Fault` M129 where it cannot be read."""
        name = self.name(path)
        if name not in self.files:
            self.files.append(name)
        if name in self.overlay:
            return self.overlay[name].encode("utf-8", "surrogatepass")
        try:
            return (self.folder / path).read_bytes()
        except OSError as error:
            hint = f"{error.strerror or 'it cannot be opened'}: give the engine's user the right to read it"
            raise Fault("M129", "the file cannot be read", hint, at=Place(name)) from None

    def paths(self, suffix: str) -> list[str]:
        """All files with that suffix, as paths that begin at `mappings/`."""
        found = {p.relative_to(self.folder).as_posix() for p in self.folder.rglob(f"*{suffix}") if p.is_file()}
        start = self.name("")
        found |= {n.removeprefix(start) for n in self.overlay if n.startswith(start) and n.endswith(suffix)}
        return sorted(found)

    def mappings(self) -> list[str]:
        """The names of all mappings, without the parts."""
        names = (p.removesuffix(".yaml") for p in self.paths(".yaml"))
        return [n for n in names if "parts" not in n.split("/")[:-1]]

    def parts(self) -> list[str]:
        """The full names of all shared parts (`npca/parts/ncdd_address`)."""
        return [p.removesuffix(".yaml") for p in self.paths(".yaml") if "parts" in p.split("/")[:-1]]

    def part(self, name: str, user: str, at: Place) -> str:
        """The full name of the part that `$use: name` means in the file `user` (a path that begins at `mappings/`).

        A name with `/` is a full name; else the nearest folder upwards that has it in its `parts/`, else the only one of that
        stem anywhere. Raises `Fault` M127.
        """
        known = self.parts()
        if "/" in name:
            if name in known:
                return name
        else:
            for folder in PurePosixPath(user).parents:
                near = (folder / "parts" / name).as_posix()
                if near in known:
                    return near
            alike = [n for n in known if n.rsplit("/", 1)[1] == name]
            if len(alike) == 1:
                return alike[0]
            if alike:
                hint = f"write its full name: {' or '.join(alike)}"
                raise Fault("M127", f"'{name}' may mean {len(alike)} parts, none of them near", hint, at=at)
        stems = {**{n.rsplit("/", 1)[1]: n for n in known}, **{n: n for n in known}}
        hint = did_you_mean(name, stems) or "parts lie in mappings/parts/ or in parts/ of a folder below it"
        raise Fault("M127", f"there is no part '{name}'", hint, at=at)
