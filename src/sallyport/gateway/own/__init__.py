"""Our own API beside the models' wires: sessions, people, receipts, records, explanations.

The same corridor applies: the edge, then identity, posture and policy, before anything is done. What an
administrator does or reads is an entry in the log before it happens.
"""
