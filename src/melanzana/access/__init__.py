"""Who is calling and what they may do: the words that every room's door asks in."""
