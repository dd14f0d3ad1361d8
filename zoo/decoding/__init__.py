"""From encoded pictures, in folders and zips, to uint8."""
