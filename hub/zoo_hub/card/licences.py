"""Which licences a card may name: those of the Hub's list, and every other with an SPDX identifier."""

from __future__ import annotations

import re
from typing import NamedTuple

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from zoo.errors import InputError, near_misses

HUB = frozenset(
    (
        "afl-3.0", "agpl-3.0", "apache-2.0", "apple-amlr", "apple-ascl", "artistic-2.0", "bigcode-openrail-m",
        "bigscience-bloom-rail-1.0", "bigscience-openrail-m", "bsd", "bsd-2-clause", "bsd-3-clause",
        "bsd-3-clause-clear", "bsl-1.0", "c-uda", "cc", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0",
        "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0",
        "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0",
        "cdla-permissive-1.0", "cdla-permissive-2.0", "cdla-sharing-1.0", "creativeml-openrail-m",
        "deepfloyd-if-license", "ecl-2.0", "epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1", "eupl-1.2",
        "fair-noncommercial-research-license", "gemma", "gfdl", "gpl", "gpl-2.0", "gpl-3.0", "grok2-community",
        "h-research", "intel-research", "isc", "lgpl", "lgpl-2.1", "lgpl-3.0", "lgpl-lr", "llama2", "llama3",
        "llama3.1", "llama3.2", "llama3.3", "llama4", "lppl-1.3c", "mit", "mpl-2.0", "ms-pl", "ncsa", "odbl",
        "odc-by", "ofl-1.1", "openmdw-1.0", "openrail", "openrail++", "osl-3.0", "other", "pddl", "postgresql",
        "unknown", "unlicense", "wtfpl", "zlib",
    )
)  # fmt: skip
"""As the Hub abbreviates them (https://huggingface.co/docs/hub/repositories-licenses)."""
OTHER = "other"


class Licence(NamedTuple):
    """A licence as a card's metadata has it."""

    key: str
    """One of the Hub's, for `license`."""
    name: str | None
    """For `license_name`: the SPDX identifier of one that the Hub does not list, which counts as `other` there."""


def known_licence(text: str) -> Licence:
    """Return the licence of an abbreviation of the Hub's or an SPDX identifier; capitals do not count.

    Raises:
        InputError: it is neither.
    """
    key = text.lower()
    if key in HUB:
        return Licence(key, None)
    # One word: "MIT OR Apache-2.0" names two, and LicenseRef-... names none that anybody else knows.
    if re.fullmatch(r"[a-z0-9][a-z0-9.-]*", key) and not key.startswith("licenseref-"):
        try:
            return Licence(OTHER, canonicalize_license_expression(text))
        except InvalidLicenseExpression:
            pass
    near = near_misses(key, HUB)
    advice = f"Did you mean {near[0]!r}?" if near else "Give one like mit, apache-2.0 or cc-by-4.0, or other"
    raise InputError(f"--license {text}: it is neither in the Hub's list nor an SPDX identifier. {advice}")
