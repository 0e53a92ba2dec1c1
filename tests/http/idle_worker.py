"""
A real fork server whose workers wait for a signal instead of serving.
"""

import signal
import sys

from gateway import forkserver, worker
from gateway.lifeline import end_with_parent


def main(argv):
    end_with_parent()
    signal.signal(signal.SIGUSR1, lambda *_: sys.exit(7))
    while True:
        signal.pause()


worker.main = main
if __name__ == "__main__":
    forkserver.main(sys.argv[1:])
