"""Hand standard input, which is a connection, over to the server that listens at a socket.

Started by slirp for each connection that a guest makes. It runs without the harness, in a
Python that imports as little as possible, and is gone when the request is answered.
"""

import socket
import sys

if __name__ == "__main__":
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(sys.argv[1])
        socket.send_fds(server, [sys.argv[2].encode()], [0])
        server.recv(1)  # until the server has it: what is closed in flight is lost
