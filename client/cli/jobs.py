"""`shortlist jobs`: list, watch, cancel trainings."""

from __future__ import annotations

import argparse

from shortlist.client.cli.options import Commands, print_json, print_table
from shortlist.client.clients import Shortlist
from shortlist.client.errors import TrainingFailed
from shortlist.client.progress import progress_of


def add_parser(commands: Commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("jobs", help="list, watch, cancel trainings")
    verbs = parser.add_subparsers(required=True, metavar="list|watch|cancel")
    listing = verbs.add_parser("list", help="trainings, newest first")
    listing.add_argument("--page-size", type=int, default=0)
    listing.add_argument("--page-token", default="")
    listing.set_defaults(run=show_list)
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


def watch(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Show a job until it has ended."""
    job = shortlist.training_job(options.job_id)
    with progress_of(True) as show:
        for state in shortlist.watch(options.job_id):
            show(job := state)
    if job.state != "succeeded":
        raise TrainingFailed(job)
    print_json(job) if options.json else print(f"{job.job_id} {job.state}")


def cancel(shortlist: Shortlist, options: argparse.Namespace) -> None:
    """Ask a job to stop."""
    job = shortlist.cancel_training(options.job_id)
    print_json(job) if options.json else print(f"{job.job_id} is {job.state}")
