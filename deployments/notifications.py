"""Notifications by one setting: a block of Prefect with the URL, and automations that send what a person should hear of.

The URL, whose parts are secrets, stands in Prefect's encrypted block and nowhere else. Prefect's block for Slack hands any URL of
Apprise on as it is, so one kind of block serves chat, mail and plain HTTP alike.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from prefect.blocks.notifications import SlackWebhook
from prefect.client.orchestration import PrefectClient
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound
from pydantic import SecretStr

from feedback_model.errors import ConfigurationError
from tasks.occasions import PROMOTED, RETRAINING_WAITS

BLOCK: Final = "feedback-notifications"
NOT_RESUMED: Final = timedelta(seconds=60)
"""Within which a crashed run is back in the queue, if it is resumed: that is no news."""
_RUN: Final = "{{ flow.name }} ({{ flow_run.name }})"
_FAILED: Final = f"{_RUN} {{{{ flow_run.state.name }}}}: {{{{ flow_run.state.message }}}}"
_BACK: Final = frozenset(f"prefect.flow-run.{name}" for name in ("Scheduled", "AwaitingRetry", "Pending", "Running"))


def _trigger(
    expect: set[str],
    resource: str,
    *,
    after: set[str] | None = None,
    within: timedelta = timedelta(0),
    of_deployments: bool = False,
) -> EventTrigger:
    related: dict[str, str | list[str]] = {"prefect.resource.id": "prefect.deployment.*"} if of_deployments else {}
    return EventTrigger(
        after=after or set(),
        expect=expect,
        match=ResourceSpecification({"prefect.resource.id": resource}),
        match_related=ResourceSpecification(related),
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive if after else Posture.Reactive,
        threshold=1,
        within=within,
    )


def _definitions(ui_url: str) -> dict[str, tuple[EventTrigger, str, str]]:
    """Each automation by its name: when it sends, with which subject and which words."""
    crashed = {"prefect.flow-run.Crashed"}
    failed = f"{_FAILED}\n{ui_url}/v2/runs/flow-run/{{{{ flow_run.id }}}}"
    return {
        "tell of failed runs": (
            _trigger({"prefect.flow-run.Failed"}, "prefect.flow-run.*", of_deployments=True),
            "feedback: a run failed",
            failed,
        ),
        "tell of crashed runs": (
            _trigger(set(_BACK), "prefect.flow-run.*", after=crashed, within=NOT_RESUMED, of_deployments=True),
            "feedback: a run crashed and was not resumed",
            failed,
        ),
        "tell of promotions": (
            _trigger({PROMOTED}, "feedback.champion"),
            "feedback: a new champion",
            "{{ event.payload.sentence }}",
        ),
        "tell of data that waits": (
            _trigger({RETRAINING_WAITS}, "feedback.retraining"),
            "feedback: not retrained",
            "{{ event.payload.sentence }}",
        ),
    }


async def prepare_notifications(client: PrefectClient, url: SecretStr | None) -> tuple[AutomationCore, ...]:
    """Keep the URL in Prefect's block and return the automations that send to it; without a URL take both away.

    Raises:
        ConfigurationError: Apprise knows no such URL.
    """
    if url is None or not url.get_secret_value():
        await _take_away(client)
        return ()
    _check(url)
    block_id: UUID = await SlackWebhook(url=url).save(BLOCK, overwrite=True)  # type: ignore[misc]  # sync or async by context
    return tuple(
        AutomationCore(
            name=name,
            description="Made because FEEDBACK_NOTIFY_URL is set.",
            trigger=trigger,
            actions=[SendNotification(block_document_id=block_id, subject=subject, body=body)],
        )
        for name, (trigger, subject, body) in _definitions(str(client.api_url).rstrip("/").removesuffix("/api")).items()
    )


def _check(url: SecretStr) -> None:
    from apprise import Apprise

    if not Apprise.instantiate(url.get_secret_value()):
        raise ConfigurationError(
            "FEEDBACK_NOTIFY_URL is no URL that Apprise knows; write one such as slack://A/B/C or "
            "mailto://USER:PASSWORD@HOST (https://github.com/caronc/apprise/wiki lists them)"
        )


async def _take_away(client: PrefectClient) -> None:
    for name in _definitions(""):
        for automation in await client.read_automations_by_name(name):
            await client.delete_automation(automation.id)
    try:
        block = await client.read_block_document_by_name(BLOCK, "slack-webhook", include_secrets=False)
    except ObjectNotFound:
        return
    await client.delete_block_document(block.id)
