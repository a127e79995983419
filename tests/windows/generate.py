"""Generates one repository for each set of answers, on Windows and on Linux: TEMPLATE ANSWERS-FOLDER OUTPUT-FOLDER."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from cookiecutter.main import cookiecutter

template, answers, output = map(Path, sys.argv[1:])
for file in sorted(answers.glob("*.json")):
    given = json.loads(file.read_text(encoding="utf-8"))
    (output / file.stem).mkdir(parents=True)
    cookiecutter(str(template), no_input=True, extra_context=given, output_dir=str(output / file.stem))
