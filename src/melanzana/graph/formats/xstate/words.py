"""Words of ours inside a machine: how guards and assignments travel in a format that knows only names of code."""

#: `type` of a guard whose `params.expression` is one of ours.
GUARD = "melanzana.guard"
#: `type` of an action whose `params` are our assignments by variable.
ASSIGN = "melanzana.assign"
#: Member of `meta` that holds what XState has no word for.
META = "melanzana"
