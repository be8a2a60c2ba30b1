"""Sphinx configuration."""

from __future__ import annotations

from identify_core import __version__

project = "identify"
author = "the identify developers"
copyright = "2026, the identify developers"  # noqa: A001 - the name that Sphinx reads
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.mathjax", "sphinx_copybutton"]
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence", "attrs_inline"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "generating", "snippets", "explanation/ladder-table.md"]
nitpicky = True

html_theme = "furo"
html_title = f"identify {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
smartquotes = False  # quotes in tables are those of a spec
copybutton_prompt_text = r"\$ "
copybutton_prompt_is_regexp = True
