-- One row per time that somebody or something woke a retraining: whether what had landed was trained on, and why not.
--
-- decision_number, decided_at: in which order, and when
-- verdict: `retrain`, or `wait`
-- reason: `new_data`; or why it waits: `nothing_new`, `too_few_to_split` (a split would be empty), `too_few_new`
--   (`FEEDBACK_RETRAIN_LEAST_NEW`), `quiet_hours` (`FEEDBACK_RETRAIN_QUIET_HOURS`), `unapproved`
--   (`FEEDBACK_RETRAIN_APPROVAL`); and what a person then said: `approved` or `declined`
-- sentence: the same for a person
-- n_new, n_batches: transcripts that waited, and the landings that they came by
-- decided_by: host, process and flow run that decided
SELECT
    retraining_decision.decision_number,
    retraining_decision.decided_at,
    retraining_decision.verdict,
    retraining_decision.reason,
    retraining_decision.sentence,
    retraining_decision.n_new,
    retraining_decision.n_batches,
    retraining_decision.decided_by
FROM retraining_decision
