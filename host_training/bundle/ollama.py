"""A bundle for Ollama: a Modelfile that builds prompts exactly as the flight does.

Source: Ollama's docs/modelfile.md (FROM, TEMPLATE, SYSTEM, PARAMETER, LICENSE; Go templates).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from host_training.bundle.pack import PersonaJson
from host_training.common.chat_template import END_OF_TURN, START_OF_TURN
from host_training.errors import TrainingError
from payload import prompt
from wire.bundle import Manifest, model_file

TEMPLATE = (f"{START_OF_TURN}system\n{{{{ .System }}}}{END_OF_TURN}\n{START_OF_TURN}user\n"
            f"{{{{ .Prompt }}}}{END_OF_TURN}\n{START_OF_TURN}assistant\n")
QUOTES = '"""'


def modelfile(manifest: Manifest, words: PersonaJson) -> str:
    """The text of a Modelfile for a verified bundle.

    Args:    words: persona.json.
    Raises:  TrainingError when the persona's words cannot be quoted.
    """
    text = prompt.PersonaText(words["name"], words["system"], tuple(words["values"]))
    head, system, tail = f"{START_OF_TURN}system\n", prompt.prefix(text), (
        f"{END_OF_TURN}\n{START_OF_TURN}user\n")
    assert system.startswith(head) and system.endswith(tail), system
    system = system[len(head) : len(system) - len(tail)]
    if QUOTES in system or system.endswith('"') or QUOTES in manifest.disclosure:
        raise TrainingError(f"{manifest.name}: a Modelfile cannot contain three quotation marks, "
                            "or end in one; change persona.toml.")
    sampling = manifest.sampling
    return (
        f"# {manifest.name}, version {manifest.version}. {manifest.disclosure}\n"
        "FROM ./model.gguf\n"
        f"TEMPLATE {QUOTES}{TEMPLATE}{QUOTES}\n"
        f"SYSTEM {QUOTES}{system}{QUOTES}\n"
        f"PARAMETER num_ctx {manifest.runtime['n_ctx']}\n"
        f"PARAMETER num_predict {sampling.max_tokens}\n"
        f"PARAMETER temperature {sampling.temperature}\n"
        f"PARAMETER min_p {sampling.min_p}\n"
        f'PARAMETER stop "{END_OF_TURN}"\n'
        f"LICENSE {QUOTES}{manifest.disclosure}{QUOTES}\n")


def write(bundle: Path, manifest: Manifest, words: PersonaJson, out: Path) -> None:
    """``Modelfile`` and ``model.gguf`` into the new directory ``out``.

    Raises:  TrainingError when ``out`` is there already; BundleError for an adapter whose model
             was not assembled yet.
    """
    model = model_file(bundle, manifest).path
    if out.exists():
        raise TrainingError(f"{out}: exists; choose another --out.")
    text = modelfile(manifest, words)
    partial = out.with_name(out.name + ".part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    (partial / "Modelfile").write_text(text, encoding="utf-8")
    shutil.copyfile(bundle / model, partial / "model.gguf")
    os.replace(partial, out)
