"""What an answer changed, so that it can be undone."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """One nullable column: the table is not made anew, so its trigger stays."""

    dependencies = [("ledger", "0003_written_once")]
    operations = [
        migrations.AddField(
            model_name="answer",
            name="changed_from",
            field=models.JSONField(blank=True, null=True),
        )
    ]
