"""The one way in which this package talks to the Hub."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import zoo
from zoo.console import stderr

if TYPE_CHECKING:
    from huggingface_hub import HfApi

LIBRARY = "gan-model-zoo"


def client() -> HfApi:
    """Return a client that says who we are, and keeps quiet where nobody watches."""
    from huggingface_hub import HfApi
    from huggingface_hub.utils.tqdm import disable_progress_bars

    # What it logs on its own account ("no files have been modified") is said here in the zoo's words.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    if not stderr().is_terminal:
        disable_progress_bars()
    return HfApi(library_name=LIBRARY, library_version=zoo.__version__)


def endpoint() -> str:
    """Return the Hub's address: HF_ENDPOINT, or the public one."""
    from huggingface_hub import constants

    return constants.ENDPOINT
