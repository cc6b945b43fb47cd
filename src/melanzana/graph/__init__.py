"""The model under test as immutable values, its guard language, its rules and its file formats. Pure: no clock, no randomness."""
