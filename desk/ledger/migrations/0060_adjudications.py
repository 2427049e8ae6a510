"""An adjudication that one reviewer could not answer is asked of another one."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Several adjudications of a question, one of them open."""

    dependencies = [("ledger", "0040_export")]
    operations = [
        migrations.RemoveConstraint(model_name="task", name="one_task_of_a_kind_a_revision"),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind__in", ["audit", "review"])),
                fields=("revision", "kind"),
                name="one_task_of_a_kind_a_revision",
            ),
        ),
        migrations.AddConstraint(
            model_name="task",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "adjudicate"), ("state__in", ["open", "claimed"])),
                fields=("first",),
                name="one_open_adjudication_a_question",
            ),
        ),
    ]
