"""Forecast of cost and time for the missing labels. Sends nothing, queues nothing."""

from dataclasses import dataclass
from typing import Final

from feedback_model.labelling.batch_api import BATCH_SHARE
from feedback_model.labelling.pricing import Price, Usage, cost_of, price_of
from feedback_model.labelling.requests import ENOUGH, USUAL_OUTPUT, usual_prompt_tokens
from feedback_model.records.labels import LabellingConfig
from feedback_model.settings import Settings
from feedback_model.store import label_attempts, label_claims, label_requests
from feedback_model.store.connection import Store

LIMITS: Final = (500, 5_000, 30_000)  # requests per minute; OpenAI's lowest, a middle and the highest tier


@dataclass(frozen=True, slots=True)
class Forecast:
    """Cost and time of every missing label of one labelling configuration."""

    label_model: str
    prompt_version: str
    n_missing: int
    """Missing labels, those of the sample that is labelled again included."""
    n_labelled: int
    """Transcripts that have a label already, which is not paid for again."""
    n_other_prompts: int
    """Labels by the same model under other versions of the prompt; a new version asks for all anew."""
    prompt_tokens: int
    completion_tokens: int
    measured: bool
    """True where tokens are the mean of earlier responses, False where a rule of thumb."""
    cost_usd: float | None
    """None where the model has no known price."""
    batch_cost_usd: float | None
    spent_usd: float
    """So far, for this labelling configuration."""
    price: Price | None
    minutes_at: dict[int, float]
    """By requests per minute that the account may send."""
    budget_usd: float | None = None
    """What labelling may cost in all, earlier runs included."""

    @property
    def n_affordable(self) -> int | None:
        """Labels that the rest of the budget buys, of those that are missing; None without a budget or a price."""
        if self.budget_usd is None or self.cost_usd is None:
            return None
        left = max(0.0, self.budget_usd - self.spent_usd)
        return self.n_missing if self.cost_usd <= left else round(self.n_missing * left / self.cost_usd)


def forecast_labels(
    store: Store,
    labelling_config: LabellingConfig,
    relabel_share: float = 0.0,
    limit: int | None = None,
    settings: Settings | None = None,
    *,
    budget: float | None = None,
) -> Forecast:
    """Forecast the missing labels, or `limit` of them, beside the USD that they may cost.

    Args:
        settings: whose endpoint and price count; None for OpenAI's own.
        budget: USD, earlier runs included.
    """
    # As the run would; it would look for responses to what had been sent first.
    label_claims.free_dead_claims(store)
    missing = label_requests.measure_missing(store, labelling_config)
    n_missing = round(missing.n_unasked * (1 + relabel_share)) + missing.n_queued
    n_asked = n_missing if limit is None else min(limit, n_missing)
    usage, measured = _usage_of_one(store, labelling_config, missing)
    price = price_of(labelling_config.label_model, settings)
    cost = cost_of(price, usage)
    total = None if cost is None else cost * n_asked
    return Forecast(
        label_model=labelling_config.label_model,
        prompt_version=labelling_config.prompt_version,
        n_missing=n_asked,
        n_labelled=label_requests.count_state(store, labelling_config, "label", "done"),
        n_other_prompts=label_requests.count_other_prompts(store, labelling_config),
        prompt_tokens=(usage.prompt_tokens or 0) * n_asked,
        completion_tokens=(usage.completion_tokens or 0) * n_asked,
        measured=measured,
        cost_usd=total,
        batch_cost_usd=None if total is None else total * BATCH_SHARE,
        spent_usd=label_attempts.read_spending(store, labelling_config).spent / label_attempts.NANOS,
        price=price,
        minutes_at={each: n_asked / each for each in LIMITS},
        budget_usd=budget,
    )


def _usage_of_one(
    store: Store, labelling_config: LabellingConfig, missing: label_requests.Missing
) -> tuple[Usage, bool]:
    """Estimate the tokens of one label; True where they were measured."""
    known = label_requests.mean_usage(store, labelling_config, "label")
    if known is not None and known.n_responses >= ENOUGH:
        return Usage(round(known.prompt_tokens), round(known.cached_tokens), round(known.completion_tokens)), True
    n = missing.n_unasked + missing.n_queued
    return Usage(round(usual_prompt_tokens("label", missing.n_characters / n if n else 0)), 0, USUAL_OUTPUT), False


def tell_forecast(forecast: Forecast) -> list[str]:
    """Write the forecast in sentences."""
    by = "as responses had so far" if forecast.measured else "by rule of thumb, as none were measured yet"
    missing = f"{forecast.n_missing} labels to buy from {forecast.label_model} ({forecast.prompt_version})"
    lines = [
        f"{missing}, {forecast.n_labelled} are there",
        f"about {forecast.prompt_tokens:,} tokens of input and {forecast.completion_tokens:,} of output, {by}",
    ]
    if forecast.n_other_prompts:
        lines.append(
            f"{forecast.n_other_prompts} labels under other versions of the prompt stay as they are and do not count"
        )
    if forecast.cost_usd is None or forecast.batch_cost_usd is None or forecast.price is None:
        lines.append(
            f"the price of {forecast.label_model} is not known here, so the cost is not either; FEEDBACK_LABEL_PRICE says it"
        )
    else:
        lines.append(
            f"about {forecast.cost_usd:.2f} USD, or {forecast.batch_cost_usd:.2f} with --mode batch; "
            f"{forecast.spent_usd:.2f} spent so far (prices: {forecast.price.origin})"
        )
    if forecast.n_affordable is not None:
        lines.append(f"a budget of {forecast.budget_usd:.2f} USD buys about {forecast.n_affordable:,} of them")
    times = ", ".join(f"{minutes:.1f} min at {limit:,}" for limit, minutes in forecast.minutes_at.items())
    return [*lines, f"{times} requests per minute; the limit is learned when labelling starts"]
