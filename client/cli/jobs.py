"""`shortlist jobs`: list, show, watch, cancel trainings."""

from __future__ import annotations

import argparse
from datetime import datetime

from shortlist.client.cli.options import Commands, print_json, print_left_out, print_table
from shortlist.client.clients import Shortlist
from shortlist.client.errors import TrainingFailed
from shortlist.client.progress import describe, progress_of


def add_parser(commands: Commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("jobs", help="list, show, watch, cancel trainings")
    verbs = parser.add_subparsers(required=True, metavar="list|show|watch|cancel")
    listing = verbs.add_parser("list", help="trainings, newest first")
    listing.add_argument("--page-size", type=int, default=0)
    listing.add_argument("--page-token", default="")
    listing.set_defaults(run=show_list)
    showing = verbs.add_parser("show", help="where a training is, and what it did not use")
    showing.add_argument("job_id")
    showing.set_defaults(run=show_one)
    watching = verbs.add_parser("watch", help="show a training's progress until it ends")
    watching.add_argument("job_id")
    watching.set_defaults(run=watch)
    cancelling = verbs.add_parser("cancel", help="ask a training to stop")
    cancelling.add_argument("job_id")
    cancelling.set_defaults(run=cancel)


def show_list(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Print one page of jobs."""
    page = shortlist.training_jobs(page_size=options.page_size, page_token=options.page_token)
    if options.json:
        print_json(page)
        return
    rows = [
        (j.job_id, j.state, j.phase, j.request.model_id, j.create_time or "") for j in page.jobs
    ]
    print_table(["job", "state", "phase", "model", "accepted"], rows)
    if page.next_page_token:
        print(f"more: --page-token {page.next_page_token}")


def show_one(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Print everything about one job."""
    job = shortlist.training_job(options.job_id)
    if options.json:
        print_json(job)
        return
    facts = [
        ("job", f"{job.job_id} makes {job.request.model_id} in catalog {job.request.catalog}"),
        ("state", describe(job, 0.0)),
        ("accepted", _time(job.create_time)),
        ("started", _time(job.start_time)),
        ("ended", _time(job.end_time)),
    ]
    for name, value in facts:
        print(f"{name:14} {value}")
    print_left_out(job.left_out)


def _time(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC" if time else "-"


def watch(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Show a job until it has ended."""
    job = shortlist.training_job(options.job_id)
    with progress_of(True) as show:
        for state in shortlist.watch(options.job_id):
            show(job := state)
    if job.state != "succeeded":
        raise TrainingFailed(job)
    if options.json:
        print_json(job)
        return
    print(f"{job.job_id} {job.state}")
    print_left_out(job.left_out)


def cancel(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Ask a job to stop."""
    job = shortlist.cancel_training(options.job_id)
    print_json(job) if options.json else print(f"{job.job_id} is {job.state}")
