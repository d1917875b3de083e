"""The parts of the service, each as the one process of a container."""
