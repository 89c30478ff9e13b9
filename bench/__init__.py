"""Speed figures that anyone can take again: ``make bench``. Only ratios within one run are worth quoting; machines are noisy."""
