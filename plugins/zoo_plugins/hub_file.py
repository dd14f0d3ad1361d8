"""A file on the Hugging Face Hub, in the Hub's own cache: of a data set, or a network's weights."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Literal, NamedTuple

from zoo.errors import InputError, NetworkError, ResourceError, reason_of
from zoo.system.console import say

ANSWER_SECONDS = 10.0
ANSWERS = {
    # A gated repository counts as one not found too, so it comes first.
    "GatedRepoError": "only its owner can let you in. Ask at {hub}/{repo}, then set HF_TOKEN",
    "RepositoryNotFoundError": "{hub} has no such repository, or it is private. Check HF_ENDPOINT and HF_TOKEN",
    # A file that the client could not fetch counts as one that is not there.
    "LocalEntryNotFoundError": "{hub} did not give {file}. Check the network and try again",
    "EntryNotFoundError": "it has no {file}, and {lacking}",
    "OfflineModeIsEnabled": "HF_HUB_OFFLINE is set and the cache has no copy of {file}. Unset it and try again",
}
"""What is said of an error of the Hub's client, by its class."""


class HubFile(NamedTuple):
    """A file, and what is said where it cannot be had."""

    repo: str
    name: str
    kind: Literal["model", "dataset"]
    most: int
    """Bytes that are fetched."""
    other: str
    """What people can do without it, as a clause."""
    lacking: str
    """What follows where the repository has no such file, and what to do then."""

    def fetch(self) -> Path:
        """Return the file's place in the cache, downloading it at need.

        Raises:
            InputError: the file is too large.
            NetworkError: the Hub did not give it.
            ResourceError: the disk is full.
        """
        from huggingface_hub import (
            constants,
            get_hf_file_metadata,
            hf_hub_download,
            hf_hub_url,
            try_to_load_from_cache,
        )

        repo, name, kind = self.repo, self.name, self.kind
        cached = try_to_load_from_cache(repo, name, repo_type=kind)
        if isinstance(cached, str):
            return Path(cached)
        try:
            # Asking once first: the download itself would knock for half a minute at a door nobody opens.
            url = hf_hub_url(repo, name, repo_type=kind)
            size = get_hf_file_metadata(url, timeout=ANSWER_SECONDS).size or 0
            if size > self.most:
                raise InputError(
                    f"{repo}: {name} has {size:,} bytes, at most {self.most:,} are fetched. "
                    f"Take another, or {self.other}"
                )
            say(f"{repo}: fetching {name}, {size / 1e6:,.1f} MB, from {constants.ENDPOINT}")
            return Path(hf_hub_download(repo, name, repo_type=kind))
        except InputError:
            raise
        except Exception as error:  # each release of the client brings its own transport, with its own errors
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise ResourceError(f"{repo}: the disk is full. Free some room and try again") from error
            raise NetworkError(f"{repo}: {self._said_of(error, constants.ENDPOINT)}") from error

    def _said_of(self, error: Exception, hub: str) -> str:
        known = next(
            (ANSWERS[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in ANSWERS), None
        )
        if known is not None:
            return known.format(hub=hub, repo=self.repo, file=self.name, lacking=self.lacking)
        return f"{hub} did not give {self.name} ({reason_of(error)}). Check the network, or {self.other}"
