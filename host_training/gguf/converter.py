"""llama.cpp's own converter, for architectures and tokenizers that ``export`` does not write.

It is not in the llama-cpp-python wheel but in its source package, with a gguf library of its own.
``fetch`` takes that package once through pip, checks its hash and unpacks what is needed; nothing
else here touches the network. The converter runs in a process of its own, offline.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from host_training.errors import TrainingError
from host_training.gguf.tokenizer import read_tokenizer, scheme_of

PACKAGE = "llama_cpp_python-0.3.36"
SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
VENDORED = f"{PACKAGE}/vendor/llama.cpp/"
NEEDED = ("convert_hf_to_gguf.py", "convert_lora_to_gguf.py", "conversion/", "gguf-py/gguf/",
          "LICENSE")
DEFAULT_PLACE = Path("~/.cache/spacepi") / PACKAGE
CHILD_S_MAX = 3600

# sentencepiece is imported before it is known whether the model has such a tokenizer at all. How a
# tokenizer cuts is told there by a hash of one long line, which other words change; we tell it by
# its rules, where we know them.
_WRAPPER = """
import importlib.util, runpy, sys, types
import transformers
if importlib.util.find_spec("sentencepiece") is None:
    absent = types.ModuleType("sentencepiece")
    absent.SentencePieceProcessor = None
    sys.modules["sentencepiece"] = absent
place, cuts_as = sys.argv.pop(1), sys.argv.pop(1)
sys.path[:0] = [place, place + "/gguf-py"]
if cuts_as:
    import conversion.base
    conversion.base.TextModel.get_vocab_base_pre = lambda self, tokenizer: cuts_as
sys.argv[0] = place + "/" + sys.argv[1]
runpy.run_path(place + "/" + sys.argv.pop(1), run_name="__main__")
"""


def place() -> Path:
    """Where the converter lies; SPACEPI_CONVERTER names another directory."""
    return Path(os.environ.get("SPACEPI_CONVERTER") or DEFAULT_PLACE).expanduser()


def is_here() -> bool:
    """True when ``fetch`` has been done."""
    return (place() / NEEDED[0]).is_file()


def fetch() -> Path:
    """Download the source package with pip, check it, unpack the converter; returns where.

    Raises:  TrainingError when pip fails or the package is another one.
    """
    if is_here():
        return place()
    with tempfile.TemporaryDirectory() as folder:
        name, _, version = PACKAGE.rpartition("-")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary",
                   name.replace("_", "-"), "--dest", folder, f"{name}=={version}"]
        child = subprocess.run(command, capture_output=True, text=True, check=False,
                               timeout=CHILD_S_MAX)
        archive = Path(folder) / f"{PACKAGE}.tar.gz"
        if child.returncode != 0 or not archive.is_file():
            last = (child.stderr.strip().splitlines() or ["no message"])[-1]
            raise TrainingError(f"pip could not download {PACKAGE}: {last}")
        unpack(archive, place(), SHA256)
    return place()


def unpack(archive: Path, out: Path, sha256: str) -> None:
    """The files of NEEDED out of the package, all or none.

    Raises:  TrainingError when the package is not the one that was tested.
    """
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != sha256:
        raise TrainingError(f"{archive}: its SHA-256 is {found}, expected {sha256}.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder, tarfile.open(archive) as package:
        wanted = [member for member in package.getmembers()
                  if member.name.startswith(tuple(VENDORED + part for part in NEEDED))]
        package.extractall(folder, members=wanted, filter="data")
        os.replace(Path(folder) / VENDORED, out)


def convert(model_dir: Path, out: Path, name: str) -> None:
    """Convert any model llama.cpp knows to F16.

    Raises:  TrainingError when the converter is not here or fails.
    """
    cuts_as = scheme_of(read_tokenizer(model_dir)) or ""
    _run(cuts_as, "convert_hf_to_gguf.py", str(model_dir), "--outfile", str(out), "--outtype",
         "f16", "--model-name", name)


def _run(cuts_as: str, script: str, *arguments: str) -> None:
    """One of the converter's scripts in a process of its own, offline and with its own gguf."""
    if not is_here():
        raise TrainingError(f"{arguments[0]}: requires llama.cpp's own converter; run "
                            "spacepi-train fetch-converter once, it downloads 76 MB.")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    command = [sys.executable, "-c", _WRAPPER, str(place()), cuts_as, script, *arguments]
    child = subprocess.run(command, capture_output=True, text=True, check=False,
                           timeout=CHILD_S_MAX, env=environment)
    if child.returncode != 0:
        last = (child.stderr.strip().splitlines() or ["no message"])[-1]
        raise TrainingError(f"{arguments[0]}: llama.cpp's converter failed: {last}")
