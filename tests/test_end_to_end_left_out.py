"""Rows that were not used, from the files to whoever asked."""

from pathlib import Path

from shortlist.client import DataSource, InteractionSource, Shortlist
from tests.served import Served, command_line, start_server, stop_server


def test_rows_that_were_not_used_are_told_by_reason(tmp_path: Path) -> None:
    """By the job, the model, an evaluation of it, and the command line, in words."""
    server = start_server(tmp_path)
    try:
        check_what_is_told(server)
    finally:
        assert stop_server(server) == 0


def check_what_is_told(served: Served) -> None:
    lines = ["user\titem", *(f'u{n}\t{n % 4}" single' for n in range(40)), '\t"x', "u1\t", "u2\t"]
    (served.folder / "gaps.tsv").write_text("\n".join(lines) + "\n")
    (served.folder / "test.tsv").write_text('user\titem\nu1\t2" single\nu2\tnone\n\tx\n')
    (served.folder / "names.csv").write_text("id,name\na,b\n,c\n")
    told = ["1 row without a user id left out", "2 rows without an item id left out"]
    told.append("items: 1 row without an id left out")
    trained = command_line(
        *(served, "train", "--interactions", str(served.folder / "gaps.tsv"), "--no-quotes"),
        *("--items", str(served.folder / "names.csv"), "--algorithm", "popularity"),
        *("--model-id", "gaps", "--keep-aliases"),
    )
    assert [line for line in trained.splitlines() if "left out" in line] == told
    with Shortlist(served.target) as shortlist:
        model = shortlist.model("gaps")
        (job,) = (j for j in shortlist.training_jobs().jobs if j.request.model_id == "gaps")
        test = DataSource(str(served.folder / "test.tsv"), quoted=False)
        evaluation = shortlist.evaluate(InteractionSource(test), model="gaps")
    assert model.item_count == 4
    assert [str(rows) for rows in model.left_out] == told
    assert job.left_out == model.left_out
    assert job.request.interactions is not None
    assert job.request.interactions.source.quoted is False
    for shown in (("jobs", "show", job.job_id), ("models", "show", "gaps")):
        assert [x for x in command_line(served, *shown).splitlines() if "left out" in x] == told
    assert [str(rows) for rows in evaluation.left_out] == [
        "test interactions: 1 row without a user id left out",
        "test interactions: 1 row of items that the model does not know left out",
    ]
