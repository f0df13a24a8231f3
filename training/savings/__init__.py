"""What a policy would have cost and given, on a history, on a journal, or in a published case.

`case` checks arithmetic that was published; `evidence` turns a history or a journal into one row per request, with the
arm that the policy picks; `figures` makes money, quality and waiting of it, with intervals; `shown` prints, `charts`
draws.
"""
