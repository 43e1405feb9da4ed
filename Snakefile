# seqcast: from DNA sequence to coverage tracks in a genome browser.
#
# Reads and checks the config, includes the rules, names the targets. What the steps do is in
# scripts/seqcast; how they hang together is in workflow/rules.
import os
import re
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.0")
sys.path.insert(0, str(Path(workflow.basedir, "scripts")))

from seqcast import settings as seqcast_settings  # noqa: E402
from seqcast.core import errors, provenance  # noqa: E402
from seqcast.settings import resources as seqcast_resources  # noqa: E402
from seqcast.settings import tracked, untracked  # noqa: E402
from seqcast.settings.written import read_config  # noqa: E402

# A config file given on the command line replaces the default one; Snakemake would merge the two.
if not workflow.configfiles:

    configfile: Path(workflow.basedir, "config/config.yaml")


try:
    # Read again: Snakemake takes the name 1_1 for 11, and `no` for false.
    names_kept = read_config(workflow.configfiles, workflow.config_settings.config)
    config.clear()
    config.update(names_kept)
    settings = seqcast_settings.read_settings(config)
except errors.SeqcastError as error:
    raise WorkflowError(str(error)) from None

# Snakemake starts scripts by this path and does not quote it; conda brings a Python of its own.
if sys.executable != shlex.quote(sys.executable) and not (
    workflow.deployment_settings.deployment_method
):
    raise WorkflowError(
        f"{sys.executable}: Snakemake starts no Python whose path has blanks or other letters that a"
        " shell reads otherwise; set up the virtual environment in a folder without them"
    )

# run.json tells how a run was started; jobs run in processes with other command lines.
os.environ.setdefault("SEQCAST_COMMAND", shlex.join(["snakemake", *sys.argv[1:]]))


include: "workflow/rules/names.smk"


wildcard_constraints:
    model="|".join(MODELS),
    member="|".join(map(re.escape, MEMBERS)),
    ensemble="|".join(ENSEMBLES) or "none",
    scored="|".join(map(re.escape, SCORED)),
    baseline="|".join(settings.evaluate.baselines) or "none",


report: "workflow/report/workflow.rst"


include: "workflow/rules/data.smk"
include: "workflow/rules/model.smk"
include: "workflow/rules/scores.smk"
include: "workflow/rules/tracks.smk"
include: "workflow/rules/parts.smk"
include: "workflow/rules/genome_tracks.smk"
include: "workflow/rules/explain.smk"
include: "workflow/rules/variants.smk"
include: "workflow/rules/motifs.smk"
include: "workflow/rules/motif_effects.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        rules.report.output,
        rules.export.input,
        rules.browse.input,
        REGIONS,
        VARIED,
        FIRST_LOOK,
    localrule: True
