"""igv.js, the genome browser of our pages, out of the installed package that carries it."""

from importlib.util import find_spec
from pathlib import Path

from seqcast.core.console import log
from seqcast.core.errors import SeqcastError

PACKAGE = "igv-notebook==0.6.2"
VERSION = "3.1.4"
# It gives up on a bigWig whose list of contigs has more than 800 kB, about 40,000 of them.
_GIVES_UP, _GOES_ON = "for(;i<1e6;)try{return await n()}", "for(;i<1e9;)try{return await n()}"


def read_igv_js() -> str:
    """Return the minified text of igv.js, a script that defines `igv`.

    It comes from the package igv-notebook, which is looked at but not imported: it would bring in
    all of IPython. One number in it is changed, so that genomes of many contigs are read. Where it
    has no such number, or is another version than these pages are tested with, it is taken as it
    is, with a warning: what the pages need of it to show names as text they look for themselves
    (`names.js`), and no igv.js can make a script of a name, which their policies forbid. Raises
    SeqcastError where the package is not there.
    """
    spec = find_spec("igv_notebook")
    remedy = f"install the version that goes with these pages: pip install {PACKAGE}"
    if spec is None or spec.origin is None:
        raise SeqcastError(f"igv.js: the Python package igv-notebook is not installed; {remedy}")
    folder = Path(spec.origin).parent
    try:
        # The `igv.min.js` beside it is an older version.
        text = (folder / "js" / "igv.iife.js").read_text(encoding="utf-8")
        found = (folder / "VERSION_IGV").read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SeqcastError(f"{error.filename}: {error.strerror}; {remedy}") from None
    if found != VERSION:
        log.warning("%s: found igv.js %s, tested is %s; %s", folder, found, VERSION, remedy)
    if text.count(_GIVES_UP) != 1:
        what = "does not show tracks of more than about 40,000 contigs"
        log.warning("%s: this igv.js %s; %s", folder, what, remedy)
    return text.replace(_GIVES_UP, _GOES_ON)
