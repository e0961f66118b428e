"""A caller reads below the data roots and nowhere else."""

from pathlib import Path

import pytest

from shortlist.server.errors import PathNotAllowed
from shortlist.server.reading import check_path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "deep").mkdir(parents=True)
    (tmp_path / "root" / "deep" / "a.csv").write_text("user,item\n")
    (tmp_path / "root-not").mkdir()
    (tmp_path / "root-not" / "secret.csv").write_text("user,item\n")
    return tmp_path / "root"


def test_paths_below_a_root_are_resolved(root: Path) -> None:
    wanted = str((root / "deep" / "a.csv").resolve())
    for uri in (
        str(root / "deep" / "a.csv"),
        str(root / "deep" / ".." / "deep" / "a.csv"),
        (root / "deep" / "a.csv").as_uri(),
    ):
        assert check_path(uri, [str(root)]) == wanted
    assert check_path(str(root), ["/nowhere", str(root)]) == str(root.resolve())
    (root / "inside.csv").symlink_to(root / "deep" / "a.csv")
    assert check_path(str(root / "inside.csv"), [str(root)]) == wanted


def test_paths_that_lead_out_are_refused(root: Path) -> None:
    secret = root.parent / "root-not" / "secret.csv"
    (root / "out.csv").symlink_to(secret)
    for uri in (
        str(secret),
        str(root / ".." / "root-not" / "secret.csv"),
        str(root / "out.csv"),
        f"file://{root}/%2e%2e/root-not/secret.csv",
        str(root),  # the folder holds the link that leads out
        "",
        str(root) + "\0",
    ):
        with pytest.raises(PathNotAllowed):
            check_path(uri, [str(root)])
    with pytest.raises(PathNotAllowed):
        check_path(str(root), [])


def test_remote_paths_need_a_root_of_their_own() -> None:
    roots = ["s3://bucket/data", "gs://"]
    for uri in ("s3://bucket/data", "s3://bucket/data/a.parquet", "gs://any/where.csv"):
        assert check_path(uri, roots) == uri
    for uri in (
        "s3://bucket/data2/a.parquet",
        "s3://bucket/data/../other/a.parquet",
        "s3://bucket/data/%2e%2e/other",
        "s3://bucket/data/%252e%252e/other",
        "s3://bucket/data/a.parquet?endpoint_override=evil.example",
        "s3://key:secret@bucket/data/a.parquet",
        "hdfs://bucket/data",
        "s3://bucket",
    ):
        with pytest.raises(PathNotAllowed):
            check_path(uri, roots)
