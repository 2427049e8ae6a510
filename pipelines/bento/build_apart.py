"""Has BentoML build a Bento in a process of its own: `python -I build_apart.py PLAN.json`.

BentoML imports the service from the code that it packages, and changes the current folder, the module path
and settings of the whole process on the way. The plan names the store, the folders of code and model, the
version, the labels and the description.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any


def main(plan_file: str) -> None:
    """Make the BentoML model and the Bento that the plan describes, in the plan's store."""
    plan: dict[str, Any] = json.loads(Path(plan_file).read_text(encoding="utf-8"))
    os.environ |= {"BENTOML_HOME": plan["store"], "BENTOML_DO_NOT_TRACK": "true"}
    os.environ["BENTOML_ENABLE_FEATURES"] = "no_image"  # or it resolves packages over the network
    sys.path[:] = [plan["code"], *(one for one in sys.path if not (Path(one) / "aisle").is_dir())]
    sys.dont_write_bytecode = True
    import bentoml

    service = importlib.import_module("service.bento")
    with bentoml.models.create(f"{service.NAME}:{plan['version']}", labels=plan["labels"]) as model:
        shutil.copytree(plan["model"], model.path, dirs_exist_ok=True)
    built = bentoml.bentos.build(
        "service.bento:Aisle",
        name=service.NAME,
        version=plan["version"],
        labels=plan["labels"],
        description=plan["description"],
        include=["*"],
        python={"lock_packages": False, "pack_git_packages": False},
        models=[{"tag": str(model.tag), "alias": service.MODEL_ALIAS}],
        build_ctx=plan["code"],
    )
    _put_ours(Path(plan["code"]) / "service", Path(built.path) / "env")
    shutil.rmtree(Path(built.path) / "apis")  # says that there is nothing to ask: it knows no mounted app


def _put_ours(service: Path, environment: Path) -> None:
    """Our own pins and container in the place of BentoML's, which would start a supervisor with any versions."""
    shutil.rmtree(environment)
    for source, target in (("requirements.lock", "python/requirements.txt"), ("Dockerfile", "docker/Dockerfile")):
        (environment / target).parent.mkdir(parents=True)
        shutil.copyfile(service / source, environment / target)


if __name__ == "__main__":
    main(*sys.argv[1:])
