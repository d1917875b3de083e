SELECT purpose, label_model, prompt_version, COUNT(*) AS requests, SUM(prompt_tokens) AS prompt_tokens,
       SUM(completion_tokens) AS completion_tokens, SUM(cost_usd) AS cost_usd, COUNT(cost_usd) AS n_priced
FROM paid_responses
WHERE received_at <= :until
GROUP BY purpose, label_model, prompt_version
ORDER BY purpose, label_model, prompt_version
