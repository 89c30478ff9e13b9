"""The only folder that does network I/O: HTTP/1.1 of our own, once as bytes in and out, driven by plain sockets or by asyncio.

``seam`` says what a transport is. ``http1`` is the protocol without I/O; ``waits``, ``pool``, ``target``, ``proxy``, ``tls``,
``connect`` and ``engine`` are the policy, written once as coroutines over a small wire; ``sync`` and ``aio`` are the two wires.
Law: nothing here imports anything of ours but ``core``; no exception but a ``DragomanError`` leaves.
"""
