"""What a closed day holds, fixed before it is written."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """The plan of an export."""

    dependencies = [("ledger", "0050_together")]
    operations = [
        migrations.AddField(model_name="export", name="plan", field=models.JSONField(default=dict)),
    ]
