"""What users install: a wheel built from the sdist, in a clean environment."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.packaging

PROGRAM = """
import numpy as np
import shortlist
from shortlist.client import Shortlist
from shortlist.core.cpu import available_levels
from shortlist.core.scan.scoring import ItemScan
from shortlist.v1 import retrieval_service_pb2
import shortlist.server.processes.worker
top = ItemScan(np.eye(4, dtype=np.float32)).top(np.eye(4, dtype=np.float32)[2:3], 1)
assert top.rows[0, 0] == 2, top
assert "site-packages" in shortlist.__file__, shortlist.__file__
print(available_levels())
"""


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist and, from it, the wheel."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_wheel_works_in_a_clean_environment(distributions: Path, tmp_path: Path) -> None:
    """The wheel brings stubs, extensions and the command, and needs nothing from the checkout."""
    (wheel,) = distributions.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    install: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
    ]
    subprocess.run([*install, "-c", ROOT / "constraints.txt", wheel], check=True, cwd=tmp_path)
    subprocess.run([python, "-W", "error", "-c", PROGRAM], check=True, cwd=tmp_path)
    shown = subprocess.run(
        [tmp_path / "venv" / "bin" / "shortlist", "--help"],
        check=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "retrieve" in shown.stdout


def test_distributions_hold_sources_and_no_generated_files(distributions: Path) -> None:
    """Stubs and C are made at build time: in the sdist they could only be stale."""
    (sdist,) = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    assert any(name.endswith("proto/shortlist/v1/query.proto") for name in names)
    assert any(name.endswith("proto/google/api/field_behavior.proto") for name in names)
    assert any(name.endswith("core/simd/levels.h") for name in names)
    assert not [name for name in names if name.endswith(("_pb2.py", ".so", ".c"))]
    (wheel,) = distributions.glob("*.whl")
    packed = zipfile.ZipFile(wheel).namelist()
    assert "shortlist/v1/query_pb2.py" in packed
    assert "shortlist/py.typed" in packed
    assert "google/api/field_behavior.proto" not in packed  # it comes with a package of its own
    if (ROOT / ".git").exists():
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True
        )
        built_from = zipfile.ZipFile(wheel).read("shortlist/server/COMMIT").decode().strip()
        assert built_from.removesuffix("-dirty") == head.stdout.strip()
    assert not [
        name for name in packed if name.startswith(("tests/", "bench/")) or name.endswith(".pyx")
    ]


def test_client_import_pulls_neither_core_nor_server() -> None:
    """A service that only asks should not pay for pyarrow and usearch."""
    program = (
        "import sys, shortlist.client;"
        "heavy = ('shortlist.core', 'shortlist.server', 'pyarrow', 'usearch');"
        "sys.exit(', '.join(m for m in sys.modules if m.startswith(heavy)) or 0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def compilers() -> dict[str, list[str]]:
    """Return how each compiler is called, those that are there; clang also comes from PyPI."""
    found = {name: [path] for name in ("gcc", "clang") if (path := shutil.which(name))}
    if "clang" not in found and importlib.util.find_spec("ziglang") is not None:
        found["clang"] = [sys.executable, "-m", "ziglang", "cc", "-fno-sanitize=undefined"]
    return found


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_every_kernel_of_vectors_compiles_with(compiler: str, tmp_path: Path) -> None:
    """Each compiler understands the target pragmas and vector types that the kernels use.

    Without optimization, which takes most of the time and refuses nothing.
    """
    if compiler not in compilers():
        pytest.skip(f"{compiler} is not installed")
    if compiler in (sysconfig.get_config_var("CC") or ""):
        pytest.skip(f"{compiler} built this checkout and the wheel")
    flags = ["-O0", "-std=gnu11", "-fno-math-errno", "-Wall", "-Wno-unused-function", "-fPIC"]
    flags += ["-I", "core", "-I", sysconfig.get_path("include")]
    generated = ROOT / "build" / "cython" / "build" / "tree" / "shortlist"
    kernels = [path for path in (ROOT / "core").rglob("_*.pyx") if "simd" in path.read_text()]
    assert len(kernels) >= 10, "most kernels are of vectors"

    def compile_one(path: Path) -> str:
        source = (generated / path.relative_to(ROOT)).with_suffix(".c")
        made = tmp_path / f"{path.stem}.o"
        command = [*compilers()[compiler], *flags, "-c", str(source), "-o", str(made)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return "" if done.returncode == 0 else f"{path.name}: {done.stdout}{done.stderr}"

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        assert "".join(pool.map(compile_one, kernels)) == ""
