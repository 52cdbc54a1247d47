"""`python runner.py scripts.base_train ARGS` is `python -m scripts.base_train ARGS` with the hook.

Started by path in the trainer's own Python, where nothing of ours is installed: so it loads its
folder under a name that no checkout has, and leaves nothing on `sys.path`.
"""

import importlib.util
import sys
from pathlib import Path

PACKAGE = "_nanochat_cli_hook"


def _load_package() -> None:
    here = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(
        PACKAGE, here / "__init__.py", submodule_search_locations=[str(here)]
    )
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    _load_package()
    session = importlib.import_module(f"{PACKAGE}.session")
    session.main(sys.argv[1:])
