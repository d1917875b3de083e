"""Settings of this machine, its folders and its endpoints: environment and `.env`, prefix `FEEDBACK_`.

A setting changes the machine, never the science: what changes a result is a flow parameter and is recorded with the run.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from feedback_model.masking import mask, path_secrets, remember, secrets_in, secrets_of
from feedback_model.quiet_hours import parse_quiet_hours
from feedback_model.sizes import parse_size

DEAREST: Final = 10_000  # USD per million tokens: beyond every list price, and what is booked at it fits its column


def _absolute(path: str | Path) -> Path:
    return Path(path).expanduser().absolute()


def _or_openai(url: str) -> str:
    return url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"


def _checked_size(text: str) -> str:
    parse_size(text)
    return text


def _checked_hours(text: str) -> str:
    parse_quiet_hours(text)
    return text.strip()


def _parse_price(text: str) -> tuple[float, float, float]:
    try:
        prompt, cached, completion = map(float, text.split("/"))
    except ValueError:
        prompt = cached = completion = -1.0
    if not all(0 <= each <= DEAREST for each in (prompt, cached, completion)):
        raise ValueError(
            f"write USD per million tokens as prompt/cached/completion, such as 0.15/0.075/0.60, each from 0 to {DEAREST:,}"
        )
    return prompt, cached, completion


def _checked_price(text: str) -> str:
    if text.strip():
        _parse_price(text)
    return text.strip()


def _without_secrets(text: str) -> str:
    if "@" in text.partition("://")[2].partition("/")[0] or "?" in text:
        raise ValueError(
            "leave secrets out of the URL; the store's own variables, such as AWS_SECRET_ACCESS_KEY, hold them"
        )
    return text


def _checked_url(text: str) -> str:
    kind, found, _ = _without_secrets(text).partition("://")
    if text and (not found or kind.lower() in {"file", "local"}):
        raise ValueError(
            "name an object store, such as s3://bucket/talks/; a folder of this machine is the inbox itself"
        )
    return text


def _checked_place(text: str) -> str:
    if text and "://" not in text and not Path(text).is_absolute():
        raise ValueError("name an object store, such as s3://bucket/feedback, or a folder by its whole path")
    return _without_secrets(text).rstrip("/")


class Settings(BaseSettings):
    """Settings of one process, read once at its start."""

    model_config = SettingsConfigDict(
        env_prefix="FEEDBACK_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    home: Annotated[Path, BeforeValidator(_absolute)] = Field(default=Path(".feedback"), validate_default=True)
    """Database, snapshots, checkpoints and reports; made absolute at once, shared by all workers."""
    shared_checkpoints: Annotated[str, AfterValidator(_checked_place)] = Field(default="", repr=False)
    """Where machines without a shared `home` share checkpoints, such as `s3://bucket/feedback`; empty: they share it."""
    database_url: str = Field(default="", repr=False)
    """Database: `postgresql://USER:PASSWORD@HOST/NAME`, or `sqlite:///PATH`; empty: `feedback.db` under `home`."""
    openai_base_url: Annotated[str, BeforeValidator(_or_openai)] = Field(
        default="", validate_default=True, pattern=r"^https?://[^\s\x00-\x1f]+$", repr=False
    )
    """Any OpenAI-compatible endpoint; empty: that of the environment variable `OPENAI_BASE_URL`, or else OpenAI's own."""
    label_model: str = "gpt-4o-mini"
    """The model that labels; labels of two models never mix in one dataset."""
    label_price: Annotated[str, AfterValidator(_checked_price)] = ""
    """USD per million tokens of `label_model`, prompt/cached/completion, such as 0.15/0.075/0.60; empty: its list price."""
    label_order: Literal["score-first", "evidence-first"] = "score-first"
    """Whether a labeller gives its score before or after it quotes evidence; each order is a prompt version of its own."""
    openai_api_key: SecretStr | None = Field(default=None, validation_alias=AliasChoices("OPENAI_API_KEY"))
    """The key, as OpenAI's own tools name it."""
    request_timeout: float = Field(default=60.0, gt=0, le=3_600)
    """Seconds until a labelling request counts as lost."""
    start_silence: float = Field(default=600.0, ge=0)
    """Seconds without a line in its log after which a Prefect server that starts counts as stuck; 0: it is waited for."""
    label_concurrency: int = Field(default=256, ge=1, le=4_096)
    """Maximum labelling requests in flight in one process; the rate follows the endpoint's limit."""
    label_max_tokens: int = Field(default=900, ge=1, le=32_768)
    """Maximum tokens of a label; six scores, each with its evidence and a sentence, take 250 to 400."""
    label_outage: float = Field(default=30.0, gt=0, le=86_400)
    """Seconds for which a labelling endpoint that has answered may do nothing but fail before the run stops."""
    label_longest_wait: float = Field(default=600.0, gt=0, le=86_400)
    """Longest pause in seconds that a labelling endpoint may ask for before the run stops."""
    soft_labels: bool = False
    """Ask for log probabilities and keep each score's mean, which training aims at; responses are then 50 times as large."""
    store_completions: bool = False
    """Have the provider store responses, so that one lost on its way is found again; transcripts then stay there, too."""
    relabel_share: float = Field(default=0.02, ge=0, le=1)
    """Transcripts that are labelled again in other words, unseen, to measure how far the labeller agrees with itself."""

    inbox_url: Annotated[str, AfterValidator(_checked_url)] = Field(default="", repr=False)
    """Object store whose files are landed beside those of the inbox, such as `s3://bucket/talks/`; nothing in it is changed."""

    retrain_least_new: int = Field(default=1, ge=1, le=1_000_000)
    """New transcripts before data that has landed is retrained on; fewer wait for more."""
    retrain_quiet_hours: Annotated[str, AfterValidator(_checked_hours)] = ""
    """Hours of UTC in which no retraining begins by itself, such as 08:00-18:30; what lands then waits until they end."""

    retrain_approval: bool = False
    """Ask a person in the UI before a retraining that began by itself buys labels and trains."""

    memory: Annotated[str, AfterValidator(_checked_size)] = ""
    """Most memory that a training process may hold, such as 6GiB; empty: what the machine, its container or its GPU has free."""
    training_processes: int = Field(default=0, ge=0, le=64)
    """Processes that train one model together; 0: one for each GPU that is visible, and one on a CPU."""
    max_new_tokens: int = Field(default=0, ge=0, le=32_768)
    """Tokens after which a model's answer is cut, recorded with the answers; 0: the longest label and a quarter more."""
    inference_batch_size: int = Field(default=0, ge=0, le=4_096)
    """Transcripts that a model is asked about at once; 0: by base model (64; embedded: 100)."""

    serve_queue: int = Field(default=64, ge=1, le=100_000)
    """Pieces of transcripts that may wait for the model of `feedback serve`; beyond them requests are refused with 429."""
    serve_wait: float = Field(default=10.0, gt=0, le=86_400)
    """Seconds that a request may have to wait for the model by the speed of late; where it would wait longer it gets 429."""
    serve_deadline: float = Field(default=60.0, gt=0, le=86_400)
    """Seconds after which `feedback serve` gives up on a request that has no answer yet."""
    serve_hosts: str = ""
    """Further host names under which `feedback serve` and `feedback up` are reached, separated by commas; others are refused."""

    notify_url: SecretStr | None = None
    """URL of Apprise by which `feedback up` tells of failed runs, promotions and data that waits: a Slack webhook, mailto://..."""

    keep_runs: int = Field(default=5, ge=1, le=100_000)
    """Training runs whose checkpoints housekeeping keeps, the newest; those of present and past champions are kept besides."""
    keep_reports_days: int = Field(default=365, ge=0, le=36_500)
    """Days for which housekeeping keeps reports; those that a promotion rests on are kept for ever, as all are with 0."""
    keep_tracking_days: int = Field(default=90, ge=0, le=36_500)
    """Days for which housekeeping keeps folders of Weights & Biases; 0: for ever."""
    keep_inbox_days: int = Field(default=90, ge=0, le=36_500)
    """Days for which housekeeping keeps files of the inbox that were landed or refused; 0: for ever."""
    keep_history_days: int = Field(default=90, ge=0, le=36_500)
    """Days for which the server of `feedback up` keeps finished runs with logs, and housekeeping their results; 0: for ever."""

    def model_post_init(self, _context: Any) -> None:
        """Have the secrets among the settings hidden wherever this process writes."""
        key = self.openai_api_key.get_secret_value() if self.openai_api_key else ""
        urls = secrets_of(self.database_url) | secrets_of(self.openai_base_url)
        told = self.notify_url.get_secret_value() if self.notify_url else ""
        remember({key, told} | urls | secrets_of(told) | path_secrets(told) | secrets_in(os.environ))

    @property
    def store_url(self) -> str:
        """The database to use, resolved."""
        return self.database_url or f"sqlite:///{self.home / 'feedback.db'}"

    @property
    def label_prices(self) -> tuple[float, float, float] | None:
        """USD per million tokens of the prompt, of its cached part and of the answer; None where the setting is empty."""
        return _parse_price(self.label_price) if self.label_price else None

    @property
    def memory_bytes(self) -> int:
        """Most bytes that a training process may hold; 0: no bound of ours."""
        return parse_size(self.memory)

    @property
    def serve_host_names(self) -> list[str]:
        """Names in `serve_hosts`."""
        return [name.strip() for name in self.serve_hosts.split(",") if name.strip()]

    @property
    def inbox(self) -> Path:
        """Files put here are landed by `land/watch-inbox`; others may write there."""
        return self.home / "inbox"

    @property
    def from_inbox(self) -> Path:
        """Where files of the inbox are kept from when they are taken; for this user alone."""
        return self.home / "from-inbox"

    @property
    def snapshots(self) -> Path:
        """Folder of the dataset versions, as Parquet."""
        return self.home / "snapshots"

    @property
    def checkpoints(self) -> Path:
        """Folder of the adapters, one a training run."""
        return self.home / "checkpoints"

    @property
    def reports(self) -> Path:
        """Folder of the reports; `latest.html` is the newest."""
        return self.home / "reports"


@dataclass(frozen=True, slots=True)
class SettingInForce:
    """One setting with its definition, for people."""

    name: str
    """The environment variable."""
    value: str
    default: str
    allowed: str
    """Bounds in words; empty where there are none."""
    meaning: str


def describe_settings(settings: Settings) -> list[SettingInForce]:
    """List every setting with its value, default, bounds and meaning; keys and passwords are not shown."""
    return [
        SettingInForce(
            name=setting_name(name),
            value=_shown(getattr(settings, name)),
            default=_shown(field.default),
            allowed=_bounds(field),
            meaning=field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def default_setting(field: str) -> Any:
    """Return the default of a field."""
    return Settings.model_fields[field].default


def setting_name(field: str) -> str:
    """Return the environment variable of a field."""
    alias = Settings.model_fields[field].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"FEEDBACK_{field.upper()}"


def _shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "set, not shown"
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else mask(str(value))


def _bounds(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return " or ".join(get_args(field.annotation))
    words = {"ge": "at least", "gt": "above", "le": "at most"}
    limits = [(mark, limit) for mark in field.metadata for limit in words if getattr(mark, limit, None) is not None]
    return ", ".join(f"{words[limit]} {getattr(mark, limit):g}" for mark, limit in limits)
