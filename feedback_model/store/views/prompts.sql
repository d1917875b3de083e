-- One row per version of a prompt that was used in this database.
--
-- prompt_version: the version, as labels and outputs name it
-- name: `label`, `rewrite` or `feedback` (what the trained model reads)
-- text: all that the version stands for: the prompt, of a label also the words in which it is asked for again, the answer's
--   format, and the parameters of the request; `$trait` and the like stand where each request has its own
-- first_used_at: when it was first used here
SELECT
    prompt.prompt_version,
    prompt.name,
    prompt.text,
    prompt.first_used_at
FROM prompt
