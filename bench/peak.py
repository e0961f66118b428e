"""What the machine can do at best, by a small program in C: the limit beside our loops."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from bench.report import ROOT

FOLDER: Final = Path(tempfile.gettempdir()) / "shortlist-bench"
OPTIONS: Final = {
    "native": ["-march=native"],
    "baseline": [],
    "avx2": ["-mavx2", "-mfma"],
    "avx512": ["-march=native"],
    "avx512vnni": ["-march=native"],
}


def peak(*job: object, level: str = "native") -> float:
    """Return what bench/peak.c measures with a SIMD level's instructions; NaN without a compiler.

    peak("fma") is in gigaflops, peak("read", size_bytes) in gigabytes a second; both one thread.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return float("nan")
    FOLDER.mkdir(exist_ok=True)
    source = ROOT / "bench" / "peak.c"
    program = FOLDER / f"peak-{level}"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        options = ["-O3", *OPTIONS[level], "-ffp-contract=fast"]
        subprocess.run([compiler, *options, str(source), "-o", str(program)], check=True)
    command = [str(program), *map(str, job)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
