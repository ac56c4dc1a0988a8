"""How fast it is, as ratios to a bare driver call or a peer in the same run.

``python -m benchmarks`` runs all of it; ``README.md`` says how it measures and what came out.
"""
