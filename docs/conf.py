"""Sphinx, with MyST for Markdown: ``make docs``."""

from __future__ import annotations

from importlib.metadata import version as installed_version

project = "Agent Master Storage"
author = "the Agent Master Storage authors"
version = release = installed_version("agent-master-storage")

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
# Titles are targets: [text](rest.md#errors).
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"{project} {release}"
# A page that lives outside the repository has no source to link to.
html_show_sourcelink = False
