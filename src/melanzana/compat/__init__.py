"""Second dialects: addresses of the original product's older and later versions, one file each, over the rooms that do the work."""
