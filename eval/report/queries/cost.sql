SELECT purpose, label_model, prompt_version, requests, prompt_tokens, completion_tokens, cost_usd
FROM labelling_cost
ORDER BY purpose, label_model, prompt_version
