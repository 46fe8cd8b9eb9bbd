"""One file a question; each prints ratios of one run and asserts nothing."""
