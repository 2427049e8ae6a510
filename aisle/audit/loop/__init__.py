"""Signs of a model that feeds on itself.

A model that learns from its own answers agrees with itself ever more: confidence and apparent accuracy rise while
the truth falls (Sculley et al. 2015, "Hidden technical debt in machine learning systems"; Perdomo, Zrnic,
Mendler-Dünner & Hardt 2020, "Performative prediction"). Each sign is one figure with an interval and, where chance
can make it, a test; what cannot be told from so few rows is unknown, never absent.

    illusion       labels that came from the model, or were given with its suggestion in view, say that the promise
                   is kept (low end of apparent accuracy ≥ target), and audits say that it is not (tested)
    training       share of the champion's training labels that came from a model: the cause of a loop
    window_labels  the same among the labels of the window, which the next model could learn from; no sign by itself
    trend          confidence rises over the days while audited accuracy falls
    growing        categories that grow among automatic decisions while audits of them contradict
    shown          audits agree more where the suggestion is shown than where it is not

**The rule.** Red: the illusion, once the alarm on the error rang, since a promise is broken and whoever looks at the
model's own labels believes the opposite; or a cause with a symptom (training, and trend or growing), which together
are the loop. Yellow: any sign alone. Training on model labels is a risk that someone took, not yet harm; a trend or a
growing category without it may be drift, which other monitors judge; shown suggestions that buy agreement spoil
calibration, which blind audits mend. Unknown: no sign, but too few audits to tell an illusion. Green: none.

**Why the illusion asks for the alarm.** Chance makes a sign in at most `level` of healthy windows, shared by the four
tests: of one look. A test of one look that is repeated every day over the days before has no 5 %: of streams with
exactly the promised accuracy, watched for 90 days, one in ten had a day with an illusion. The alarm may be asked
every day (`aisle.audit.alarms`): it says that the promise is broken, and the sign that the model's own labels hide it.
Tests that ask for both of two things take the larger of the two p-values (intersection-union: Berger 1982), which is
cautious: of 60 such streams, one had a day with a trend or a growing category.
"""

from aisle.audit.loop.judging import Colour, Signs, signs
from aisle.audit.loop.measuring import Sign
from aisle.audit.loop.trends import Growing

__all__ = ["Colour", "Growing", "Sign", "Signs", "signs"]
