"""The live machine: processes, sockets and what is read from them."""
