"""The entry for everything: `python3 manage.py up`, `test`, and all other commands.

This file stays readable by any old Python, so that a wrong one is told so in a sentence.
"""

import sys

if sys.version_info < (3, 11):
    sys.stderr.write(
        "This platform needs Python 3.11 or newer, and this is Python %d.%d; "
        "run it as `python3.11 manage.py`, after `apt-get install python3.11` if need be.\n"
        % sys.version_info[:2]
    )
    sys.exit(1)

from compose.bootstrap import main
from compose.output import never_fail

if __name__ == "__main__":
    never_fail()
    sys.exit(main(sys.argv[1:]))
