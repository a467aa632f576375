"""A server that speaks the gateway's documented wire, with faults on demand: for tests, the demo and development.

It shares no code with the side that reads the gateway (`worker.ligdicash.wire`, `worker.ligdicash.client`): it is a second,
independent reading of the vendor's pages, so that a mistake in one of them shows as a disagreement. Of this project it
imports the errors in `models` only. It moves no money and must never be taken for the gateway: each of its answers
carries the header `X-Ligdicash-Simulator: 1`, and it takes only credentials that begin with `sim-`.
"""
