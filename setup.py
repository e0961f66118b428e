"""Build: protobuf stubs, then the Cython extensions, for a layout that setuptools does not guess.

The top-level folders are `proto server core client`; they install as `shortlist`,
`shortlist.server`, `shortlist.core` and `shortlist.client`. Cython ignores package-dir, so a tree
of links with the real package names is made under build/tree and Cython (and mypy) work on that.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Command, Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parent
PROTO = ROOT / "proto"
TREE = ROOT / "build" / "tree"
PACKAGE_DIRS = {
    "shortlist": "proto/shortlist",
    "shortlist.v1": "proto/shortlist/v1",
    "shortlist.core": "core",
    "shortlist.server": "server",
    "shortlist.client": "client",
}


def subpackages(name: str, folder: str) -> dict[str, str]:
    """Return every package below `folder`, {dotted name: relative folder}, itself included."""
    found = {name: folder}
    for init in sorted((ROOT / folder).rglob("__init__.py")):
        relative = init.parent.relative_to(ROOT / folder)
        if relative.parts:
            found[".".join((name, *relative.parts))] = str(Path(folder) / relative)
    return found


def all_packages() -> dict[str, str]:
    packages: dict[str, str] = {}
    for name, folder in PACKAGE_DIRS.items():
        packages.update(subpackages(name, folder) if name != "shortlist" else {name: folder})
    return packages


def link_tree() -> None:
    """Make build/tree/shortlist mirror the import names; copy where links are refused."""
    package = TREE / "shortlist"
    package.mkdir(parents=True, exist_ok=True)
    sources = {
        "__init__.py": PROTO / "shortlist" / "__init__.py",
        "py.typed": PROTO / "shortlist" / "py.typed",
    }
    sources |= {"v1": PROTO / "shortlist" / "v1", "core": ROOT / "core"}
    sources |= {"server": ROOT / "server", "client": ROOT / "client"}
    for name, source in sources.items():
        target = package / name
        if target.is_symlink() and target.resolve() == source:
            continue
        if target.is_symlink() or target.is_file():
            target.unlink()
        elif target.exists():
            shutil.rmtree(target)
        try:
            target.symlink_to(source, target_is_directory=source.is_dir())
        except OSError:
            (shutil.copytree if source.is_dir() else shutil.copy)(source, target)


def generate_stubs() -> None:
    """Generate *_pb2.py, *_pb2_grpc.py and their .pyi from proto/ where they are older than it."""
    protos = sorted((PROTO / "shortlist").rglob("*.proto"))  # those of google come with a package
    outputs = [p.with_name(p.stem + "_pb2.py") for p in protos]
    newest = max(p.stat().st_mtime for p in protos)
    if all(out.exists() and out.stat().st_mtime >= newest for out in outputs):
        return
    from importlib.resources import files

    from grpc_tools import protoc

    # protoc looks its plugins up on PATH; in an isolated build that is the interpreter's folder.
    os.environ["PATH"] = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    )
    arguments = [
        "protoc",
        f"-I{PROTO}",
        f"-I{files('grpc_tools') / '_proto'}",
        f"--python_out={PROTO}",
        f"--grpc_python_out={PROTO}",
        f"--mypy_out={PROTO}",
        f"--mypy_grpc_out={PROTO}",
    ]
    if protoc.main([*arguments, *map(str, protos)]) != 0:
        raise SystemExit("protoc failed; its message is above")


def extensions() -> list[Extension]:
    """Cythonize every core/FAMILY/_*.pyx; generated C goes under build/."""
    link_tree()
    headers = [str(p.relative_to(ROOT)) for p in sorted((ROOT / "core" / "simd").glob("*.h"))]
    modules = [
        Extension(
            ".".join(("shortlist", *source.relative_to(ROOT).with_suffix("").parts)),
            [str((TREE / "shortlist" / source.relative_to(ROOT)).relative_to(ROOT))],
            include_dirs=["core"],
            depends=headers,
            # No -march=native: users install portable binaries, the hot loops dispatch at run time.
            extra_compile_args=[
                "-O3",
                "-g0",
                "-std=gnu11",
                "-fno-math-errno",
                "-Wall",
                "-Wno-unused-function",
            ],
            define_macros=[("CYTHON_CCOMPLEX", "0")],
        )
        for source in sorted((ROOT / "core").rglob("_*.pyx"))
    ]
    if not modules:
        return []
    from Cython.Build import cythonize

    # Cython looks at the age of its sources only: directives that changed here make it start over.
    changed = Path(__file__).stat().st_mtime
    generated = (ROOT / "build" / "cython").rglob("*.c")
    return cythonize(
        modules,
        force=any(path.stat().st_mtime < changed for path in generated),
        build_dir="build/cython",
        include_path=[str(TREE)],
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "embedsignature": True,
            "autotestdict": False,  # no __test__ in the modules
            "freethreading_compatible": True,
        },
    )


def commit() -> str:
    """Return the git commit of this checkout, "-dirty" behind it where files differ; else ""."""
    # Without the first, git would name the commit of a checkout that an sdist was unpacked in.
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        return ""
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip()


def write_commit(server: Path) -> None:
    """Write what ServerService tells; a checkout that is run as it is has no such file."""
    found = commit()
    if found:
        (server / "COMMIT").write_text(found + "\n")


class BuildPy(build_py):
    """Generate the stubs before modules are collected; a wheel knows its commit."""

    def run(self) -> None:
        generate_stubs()
        super().run()
        if not self.editable_mode:
            write_commit(Path(self.build_lib) / "shortlist" / "server")


class Sdist(sdist):
    """An sdist knows its commit too, and hands it on to the wheel that is built from it."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        write_commit(Path(base_dir) / "server")


class BuildExt(build_ext):
    """Also used alone, for a rebuild in a checkout (`build_ext --inplace`): stubs first.

    Extensions are compiled side by side, on every core.
    """

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def run(self) -> None:
        generate_stubs()
        super().run()


class GenerateStubs(Command):
    """`setup.py generate_stubs`: only the protobuf step."""

    user_options: list[tuple[str, str, str]] = []  # noqa: RUF012 - setuptools wants it so

    def initialize_options(self) -> None: ...

    def finalize_options(self) -> None: ...

    def run(self) -> None:
        generate_stubs()


if __name__ == "__main__":
    packages = all_packages()
    setup(
        packages=list(packages),
        package_dir=packages,
        package_data={
            "shortlist": ["py.typed"],
            "shortlist.v1": ["*.proto", "*.pyi"],
            "shortlist.server": ["COMMIT"],
            **{name: ["*.pyi"] for name in packages if name.startswith("shortlist.core")},
        },
        ext_modules=extensions(),
        cmdclass={
            "build_py": BuildPy,
            "build_ext": BuildExt,
            "sdist": Sdist,
            "generate_stubs": GenerateStubs,
        },
    )
