"""A stand-in for OpenAI's API, faithful in what a client can see: limits, faults, log probabilities, stored completions,
files, batches, and a bill. It lives with the tests and the benchmarks; the service never loads it.
"""
