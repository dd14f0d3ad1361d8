"""The files of a generator folder that a push publishes, and whether the folder is fit to be published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.errors import InputError, IntegrityError, quoted, refuse_newer
from zoo.generators.files import CARD, CONFIG, LIMITS, ONNX, PEOPLE_EDIT, REPORT
from zoo.system.atomic import disk_errors
from zoo.system.disk_space import refuse_without_room
from zoo.system.strict_json import parse_object

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.generators.config import GeneratorConfig
    from zoo.generators.folder import GeneratorFolder

FORMAT = 1
"""Of the export report."""


def listed_files(config: GeneratorConfig) -> list[str]:
    """Return the files that `config.json` lists and a push publishes, sorted."""
    return sorted(name for name in config.files if name in LIMITS and name not in PEOPLE_EDIT)


def published_files(config: GeneratorConfig) -> list[str]:
    """Return every file that a push publishes, sorted."""
    return sorted([CONFIG, CARD, *listed_files(config)])


def check_publishable(folder: GeneratorFolder) -> None:
    """Refuse a folder that is not fit to be published.

    Raises:
        InputError: it has no ONNX file or no export report, or lists a name outside the folder.
        IntegrityError: a file is not what `config.json` lists, or the report is about other files.
    """
    path, files = folder.path, folder.verify().config.files
    again = f"Run `zoo export {quoted(path)} --onnx`"
    if not folder.lists(folder.config.onnx):
        raise InputError(f"{path}: it has no {ONNX}. {again} first")
    if not folder.lists(REPORT):
        raise InputError(f"{path}: it has no {REPORT}, which proves the ONNX file against torch. {again}")
    proven = {str(facts.get("file")): facts.get("sha256") for facts in _variants(folder, again)}
    for name in listed_files(folder.config):
        if name.endswith(".onnx") and proven.get(name) != files[name].sha256:
            raise IntegrityError(
                f"{folder.file(name)}: {REPORT} proves {str(proven.get(name, 'no such file'))[:12]}, not the "
                f"{files[name].sha256[:12]}... that is there. {again}"
            )


def staged(folder: GeneratorFolder, card: str, scratch: Path) -> dict[str, Path]:
    """Return what is published, by name: copies in `scratch`, made and checked in one reading.

    What somebody does to the folder later, or to what lies behind its names, is not published.

    Raises:
        InputError: a file is a link or no regular file, or `config.json` was changed since it was read.
        IntegrityError: a file is not what `config.json` lists.
        ResourceError: there is no room.
    """
    refuse_without_room(scratch, folder.size)
    files = {name: scratch / name for name in published_files(folder.config)}
    for name, path in files.items():
        with disk_errors(path):
            path.parent.mkdir(exist_ok=True)
        if name not in PEOPLE_EDIT:
            folder.copy_file(name, path)
    for name, data in ((CONFIG, folder.read_config()), (CARD, card.encode())):
        with disk_errors(files[name]):
            files[name].write_bytes(data)
    return files


def _variants(folder: GeneratorFolder, again: str) -> list[dict[str, Any]]:
    """Return what the export report says of each file."""
    report, data = folder.file(REPORT), folder.read(REPORT)
    try:
        parsed = parse_object(data)
        refuse_newer(report, parsed.get("format"), FORMAT)
        return [facts for facts in parsed["variants"].values() if isinstance(facts, dict)]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(f"{report}: it is no export report. {again}") from error
