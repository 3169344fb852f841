"""What stands in for consrv behind sshd: said once, then a serial port's bytes, both ways.

usage: console_server.py TTY
"""

import os
import select
import sys

_LINE = 'consrv> opened serial connection {}: device: {}, serial: "", baud: 115200\r\n'


def main() -> None:
    path = sys.argv[1]
    port = os.open(path, os.O_RDWR | os.O_NOCTTY)
    os.write(1, _LINE.format("apu2", path).encode())
    while True:
        for ready in select.select([0, port], [], [])[0]:
            data = os.read(ready, 65536)
            if not data:
                return
            os.write(port if ready == 0 else 1, data)


if __name__ == "__main__":
    main()
