"""The frozen records that flow between modules: the ground floor."""
