"""The page that `dvc plots show` fills, with its plotting library inside, so that it needs no network.

`python -m pipelines.report.plots_template` writes `.dvc/plots/page.html` again; `.dvc/config` names it
as `plots.html_template`. Only who changes the page needs `vl-convert-python` for that.
"""

from __future__ import annotations

import sys
from pathlib import Path

from aisle.errors import ConfigurationError, exit_code_of
from aisle.files import write_text

TARGET = Path(".dvc/plots/page.html")
VEGA_LITE = "5.21"  # DVC's plots are written for version 5

# DVC puts its values where {refresh_tag} and {plot_divs} stand; without {scripts} it names no library.
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{refresh_tag}
<title>Aisle: plots of runs</title>
<link rel="icon" href="data:,">
<style>
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; background: #fefefe; color: #1d2530;
  font: 16px/1.5 system-ui, "DejaVu Sans", Arial, sans-serif; color-scheme: light; }
body > div { margin-bottom: 2rem; overflow-x: auto; }
img { max-width: 100%; }
</style>
<script>
/* Vega, Vega-Lite and Vega-Embed, copyright University of Washington Interactive Data Lab and
   contributors, BSD 3-Clause licence, with the libraries that they need. */
(() => {
LIBRARY
})();
</script>
</head>
<body>
<h1>Plots of runs</h1>
<p>The report of one run, with all its figures, is <code>work/report.html</code>.</p>
{plot_divs}
</body>
</html>
"""


def page() -> str:
    """The page, 0.9 MB of it the library."""
    try:
        import vl_convert
    except ImportError as error:
        raise ConfigurationError("vl-convert-python is not installed; `make environment` installs it") from error
    library = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", VEGA_LITE)
    if any(mark in library for mark in ("{plot_divs}", "{refresh_tag}", "{scripts}", "</script")):
        raise ConfigurationError(
            f"Vega-Lite {VEGA_LITE} holds a mark that DVC or HTML would replace; take another version"
        )
    return _PAGE.replace("LIBRARY", library)


def main() -> None:
    """Write the page."""
    write_text(TARGET, page())
    print(f"{TARGET}: {TARGET.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
