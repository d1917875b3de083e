"""What a response costs: by the setting, by our list, by the library, or unknown."""

from datetime import UTC, datetime
from decimal import Decimal

import genai_prices
import pytest
from genai_prices.types import ModelPrice, Tier, TieredPrices

from feedback_model.errors import ConfigurationError
from feedback_model.labelling.attempts import in_budget
from feedback_model.labelling.pricing import LONG_PROMPT, Usage, _rate, _read_rates, cost_of, price_of
from feedback_model.settings import Settings


def settings_with(price: str = "", model: str = "gpt-4o-mini", url: str = "https://api.openai.com/v1") -> Settings:
    return Settings(_env_file=None, label_price=price, label_model=model, openai_base_url=url)


@pytest.mark.parametrize("model", ["gpt-4o-mini", "gpt-4o-2024-05-13", "gpt-4.1-mini", "gpt-5.5", "gpt-6-luna", "o3"])
def test_costs_are_those_the_library_calculates(model):
    used = genai_prices.Usage(input_tokens=3_000, cache_read_tokens=2_000, output_tokens=280)
    theirs = genai_prices.calc_price(used, model, provider_id="openai").total_price
    assert cost_of(price_of(model), Usage(3_000, 2_000, 280)) == pytest.approx(float(theirs), rel=1e-9)


def test_openais_published_prices_are_met():
    """openai.com/api/pricing, 2026-11-24: 0.15, 0.075 and 0.60 USD per million tokens."""
    price = price_of("gpt-4o-mini")
    assert cost_of(price, Usage(1_000_000, 0, 0)) == pytest.approx(0.15)
    assert cost_of(price, Usage(1_000_000, 1_000_000, 0)) == pytest.approx(0.075)
    assert cost_of(price, Usage(0, 0, 1_000_000)) == pytest.approx(0.60)


def test_a_price_names_library_and_provider():
    price = price_of("gpt-4o-mini")
    assert price.source == f"genai-prices {genai_prices.__version__}, openai"
    assert price.origin == price.source


@pytest.mark.parametrize("release", ["gpt-4o-mini-2024-07-18", "gpt-4o-mini-2099-01-01"])
def test_a_dated_release_costs_what_its_model_costs(release):
    assert price_of(release) == price_of("gpt-4o-mini")


def test_a_release_listed_itself_has_its_own_price():
    assert price_of("gpt-4o-2024-05-13").prompt == 2 * price_of("gpt-4o").prompt


@pytest.mark.parametrize("model", ["gpt-9", "", "someone-s-model", "ft:gpt-4o-mini:us::1", "tts-1", "gpt-4o-mini-2024"])
def test_an_unlisted_model_has_no_known_price(model):
    assert cost_of(price_of(model), Usage(10, 0, 10)) is None


def test_unknown_tokens_have_no_known_cost():
    assert cost_of(price_of("gpt-4o-mini"), Usage(None, None, 5)) is None


def test_the_embedded_labeller_is_free():
    assert cost_of(price_of("embedded-rubric-3"), Usage(500, 0, 100)) == 0.0


def test_the_setting_overrides_every_list():
    price = price_of("gpt-4o-mini", settings_with("1/0.5/2"))
    assert (price.prompt, price.cached, price.completion, price.source) == (1.0, 0.5, 2.0, "FEEDBACK_LABEL_PRICE")


def test_the_setting_prices_its_model_alone():
    settings = settings_with("1/0.5/2", model="mine")
    assert price_of("mine", settings).completion == 2.0
    assert price_of("gpt-4o-mini", settings) == price_of("gpt-4o-mini")
    assert price_of("other", settings) is None


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://api.cerebras.ai/v1", "cerebras"),
        ("http://127.0.0.1:9/v1", "openai"),
    ],
)
def test_the_endpoints_provider_sets_the_price(url, provider):
    assert price_of("gpt-oss-120b", settings_with(url=url)).source.endswith(provider)


def test_elsewhere_the_dearest_provider_counts():
    model = "qwen/qwen-2.5-72b-instruct"
    here = price_of(model, settings_with(url="http://127.0.0.1:9/v1"))
    assert here.prompt == max(
        float(genai_prices.calc_price(genai_prices.Usage(input_tokens=10**6), model, provider_id=each).total_price)
        for each in ("novita", "openrouter")
    )


def test_tiers_beyond_our_prompts_do_not_count():
    far, near = (TieredPrices(Decimal(1), [Tier(start, Decimal(2))]) for start in (LONG_PROMPT, LONG_PROMPT - 1))
    assert (_rate(far), _rate(near)) == (1.0, 2.0)


def test_without_a_cached_price_caching_saves_nothing():
    assert _read_rates(ModelPrice(input_mtok=Decimal(3), output_mtok=Decimal(4))) == (3.0, 3.0, 4.0)


def test_prices_are_those_of_today():
    info = genai_prices.data_snapshot.get_snapshot().find_provider_model("o3", None, "openai", None)[1]
    assert price_of("o3").prompt == float(info.get_prices(datetime.now(UTC)).input_mtok)


def test_a_budget_needs_a_known_price():
    assert in_budget(None, "unheard-of", None) is None
    assert in_budget(0.25, "gpt-4o-mini", price_of("gpt-4o-mini")) == 250_000_000
    with pytest.raises(ConfigurationError, match=r"price of 'unheard-of' is not known.* FEEDBACK_LABEL_PRICE"):
        in_budget(1.0, "unheard-of", None)


def test_a_budget_bounds_nothing_that_is_free(caplog):
    assert in_budget(1.0, "mine", price_of("mine", settings_with("0/0/0", "mine"))) is None
    assert [each.message for each in caplog.records] == [
        "mine costs nothing (FEEDBACK_LABEL_PRICE), so the budget of 1.00 USD bounds nothing"
    ]
