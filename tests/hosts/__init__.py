"""Several hosts on one machine: each with a network, processes, a name and a temporary folder of its own."""
