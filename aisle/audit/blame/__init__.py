"""Who is to blame: the slices (seller, branch, category, day, model version) that explain most of a change.

    answered_audits the audits of automatic decisions among rows of predictions
    blame_errors    more errors among automatic decisions than were expected
    blame_shift     products or predictions that are no longer like the reference

Both look at every slice, as a whole, on each day, since each day and under each model version; hold down the share
of slices that are blamed by chance; and put first the slice that explains most without blaming others for it.
"""

from aisle.audit.blame.errors import answered_audits, blame_errors, excess_p_value
from aisle.audit.blame.shift import blame_shift
from aisle.audit.blame.slices import PAIRS, SLICES, Blamed

__all__ = ["PAIRS", "SLICES", "Blamed", "answered_audits", "blame_errors", "blame_shift", "excess_p_value"]
