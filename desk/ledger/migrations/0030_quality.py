"""What the quality page reads quickly, and why an alarm was acknowledged."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Indexes of audits, backlog and chances; the reason of an acknowledgement."""

    dependencies = [("ledger", "0003_written_once")]
    operations = [
        migrations.AddField(
            model_name="alarm",
            name="acknowledge_reason",
            field=models.CharField(blank=True, default="", max_length=1000),
        ),
        migrations.AddIndex(
            model_name="prediction",
            index=models.Index(fields=["audit_probability", "predicted_at"], name="prediction_least_chance"),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(fields=["kind", "created_at"], name="task_by_kind"),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("state__in", ["open", "claimed"])),
                fields=["kind", "created_at"],
                name="task_backlog",
            ),
        ),
    ]
