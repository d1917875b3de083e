"""`feedback share`: the checkpoints of a home folder, put where other machines find them."""

from contextlib import closing

from deployments.cli.options import load_settings
from deployments.terminal import say, showing_progress
from feedback_model.errors import ConfigurationError


def share() -> None:
    """Put the checkpoints of this home folder into the place that FEEDBACK_SHARED_CHECKPOINTS names.

    Trainings do so by themselves. This is for checkpoints that were made before the place was named, or that it has lost.
    """
    from deployments.local.run_flow import stopping_on_interrupt
    from feedback_model.store.connection import open_store
    from feedback_model.training.all_checkpoints import share_all

    settings = load_settings(only_reads=True)
    if not settings.shared_checkpoints:
        raise ConfigurationError("FEEDBACK_SHARED_CHECKPOINTS is not set: name a place, such as s3://bucket/feedback")
    with closing(open_store(settings.store_url)) as store, stopping_on_interrupt(), showing_progress():
        shared = share_all(store, settings.home)
    say(f"{len(shared)} checkpoints of {settings.home} lie in {settings.shared_checkpoints}")
