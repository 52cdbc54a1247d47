"""The walls around a worker: what the kernel is told about it before the first byte of a pack.

`steps` is the order, `level` what it comes to, `prepare` what the zygote does once for all workers.
Everything here runs inside the zygote and its workers too: stdlib only, and light.
"""
