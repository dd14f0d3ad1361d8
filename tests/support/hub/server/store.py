"""What tests put straight into the Hub's store."""

from __future__ import annotations

from zoo_hub.server.repo import Repo as Repo
from zoo_hub.server.store import git_blob as git_blob
from zoo_hub.server.synced_files import write_synced as write_synced
