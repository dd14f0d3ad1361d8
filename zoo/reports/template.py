"""From a template of this folder to a page that stands alone: its style and its script in it, and no network."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import jinja2

HERE = Path(__file__).parent


def render(template: str, **values: Any) -> str:
    """Return the page `<template>.html` with its script `<template>.js`, where there is one.

    Every value is escaped, and no script but that one runs.
    """
    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.FileSystemLoader(HERE),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    source = HERE / f"{template}.js"
    script = source.read_text("utf-8") if source.exists() else ""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template(f"{template}.html").render(script=script, script_hash=digest, **values)
