"""``python -m maxsight_core.scenes``."""

import sys

from maxsight_core.scenes.cli import main

sys.exit(main())
