"""Labels from an OpenAI-compatible endpoint: claimed before they are asked, stored before they are read.

A request walks in this order: `label` queues what is missing; `label_run` claims it for the workers of `worker_pool`;
`requests` prepares messages and cost bound; `labeller` waits for the `rate_limiter`, writes an attempt down (`attempts`), and
sends it through the `client`, again where `retries` says so; `responses` reads what comes back, and its handler stores the
label. `recovery` takes over from processes that died. `batch_jobs` does the same through the Batch API (`batch_api`).
"""
