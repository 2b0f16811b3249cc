"""replaying: what a replay would change: recipes or a candidate mapping, held against what was made of stored messages."""
