"""Checks of a labeller: bought once, and never part of what a model learns from."""

from feedback_model.augmentation.augment import plan_next
from feedback_model.labelling.label import label_missing, plan_labels
from feedback_model.labelling.labeller import labelling_config_of, open_labeller
from feedback_model.labelling.metamorphic import CHECKS
from feedback_model.labelling.quality_checks import check_labels
from feedback_model.store.labels import labelled_transcripts, measure_wording
from tests.labelling_rig import bill, filled_store, settings_for
from tests.openai_rig.process import serving


async def test_copies_are_bought_once_and_stay_out(tmp_path) -> None:
    with serving() as url:
        settings = settings_for(tmp_path, url)
        store, labelling_config = filled_store(settings, 40), labelling_config_of("openai", settings)
        async with open_labeller("openai", settings) as labeller:
            await label_missing(store, labeller, labelling_config, settings)
            before, plan = sum(bill(url).values()), plan_next(store, labelling_config)
            first = await check_labels(store, labeller, labelling_config, settings, limit=10)
            paid = sum(bill(url).values()) - before
            assert await check_labels(store, labeller, labelling_config, settings, limit=10) == first
        wording = measure_wording(store, labelling_config)
        assert (wording.n_scores, wording.n_long) == (6 * (40 + paid), 0)
        assert 0 < wording.n_quoted == wording.n_found
        assert {name: len(pairs) for name, pairs in first.items()} == {check.name: 10 for check in CHECKS}
        assert sum(bill(url).values()) - before == paid <= 10 * len(CHECKS)
        assert plan_next(store, labelling_config) == plan
        assert plan_labels(store, labelling_config).n_queued == 0
        assert {example.origin for example in labelled_transcripts(store, labelling_config, usable=True)} == {"real"}
