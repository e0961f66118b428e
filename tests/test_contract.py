"""The contract as other languages and older clients see it, read from its descriptors."""

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from shortlist.v1 import (
    CONTRACT_REVISION,
    algorithms_pb2,
    catalog_service_pb2,
    model_service_pb2,
    query_pb2,
    retrieval_service_pb2,
    server_service_pb2,
)

PROTO = Path(__file__).resolve().parents[1] / "proto"
FILES = (
    algorithms_pb2,
    catalog_service_pb2,
    model_service_pb2,
    query_pb2,
    retrieval_service_pb2,
    server_service_pb2,
)
# The revision and the digest of its descriptors: the commit that changes one changes both.
REVISION, DIGEST = 2, "ea0dbb2d4cb2f5dd"


def described(file: Any) -> FileDescriptorProto:
    found = FileDescriptorProto()
    file.DESCRIPTOR.CopyToProto(found)
    return found


def test_these_are_all_files_of_the_contract() -> None:
    names = {file.DESCRIPTOR.name for file in FILES}
    assert names == {str(p.relative_to(PROTO)) for p in (PROTO / "shortlist").rglob("*.proto")}


def test_every_file_says_where_its_code_belongs_in_go_java_and_csharp() -> None:
    """Without these, each team that generates stubs would have to patch the files."""
    for file in FILES:
        options = file.DESCRIPTOR.GetOptions()
        assert options.go_package == "shortlist/v1;shortlistv1"
        assert (options.java_package, options.java_multiple_files) == ("shortlist.v1", True)
        assert options.csharp_namespace == "Shortlist.V1"


def test_the_revision_grows_with_the_contract() -> None:
    """Clients and servers of different releases compare it (GetServerInfo)."""
    digest = hashlib.sha256()
    for file in sorted(FILES, key=lambda file: str(file.DESCRIPTOR.name)):
        digest.update(described(file).SerializeToString(deterministic=True))
    found = digest.hexdigest()[:16]
    assert (CONTRACT_REVISION, found) == (REVISION, DIGEST), (
        f"the contract is not that of revision {REVISION}: raise CONTRACT_REVISION "
        f'(proto/shortlist/v1/__init__.py), and here REVISION; DIGEST is "{found}"'
    )


def test_the_copied_file_of_google_is_googles() -> None:
    """Python has it from a package; every other language finds it beside our own files."""
    name = "field_behavior.proto"
    assert (PROTO / "google" / "api" / name).read_text() == (files("google.api") / name).read_text()


def test_everything_of_the_released_contract_is_still_there() -> None:
    """`buf breaking` says it with more rules; this holds where there is no buf."""
    released = FileDescriptorSet.FromString((PROTO / "released.binpb").read_bytes())
    now = {one.name: one for one in map(described, FILES)}
    files = [file for file in released.file if file.package == "shortlist.v1"]
    assert files
    for file in files:
        _check_kept(file, now[file.name], file.name)


def _check_kept(before: Any, after: Any, path: str) -> None:
    """Check that what has a name before has it after, with the same number and type."""
    for kind in ("message_type", "enum_type", "service", "nested_type", "field", "value", "method"):
        kept = {one.name: one for one in getattr(after, kind, ())}
        for one in getattr(before, kind, ()):
            here = f"{path}.{one.name}"
            assert one.name in kept, f"{here} is gone"
            for fact in ("number", "type", "label", "type_name", "input_type", "output_type"):
                was, is_now = getattr(one, fact, None), getattr(kept[one.name], fact, None)
                assert was == is_now, f"{here} had {fact} {was}, has {is_now}"
            _check_kept(one, kept[one.name], here)
