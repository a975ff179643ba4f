"""The scripts of both pages, the station's and the studio's, import what is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMPORTED = re.compile(r"""(?:from|import\()\s*["'](\.[^"']+)["']""")


def test_every_script_of_the_pages_imports_what_is_there() -> None:
    """A merge kept imports of files that had moved, and two rooms did not open; a renaming of the
    station's scripts reached an import of the studio's."""
    scripts = [path for name in ("groundstation", "host_training/studio")
               for path in (ROOT / name / "static").rglob("*.js") if "vendor" not in path.parts]
    assert {path.relative_to(ROOT).parts[0] for path in scripts} == {
        "groundstation", "host_training"}
    missing = [f"{path.relative_to(ROOT)}: {name}" for path in scripts
               for name in IMPORTED.findall(path.read_text())
               if not (path.parent / name).is_file()]
    assert missing == []
