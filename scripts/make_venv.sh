#!/bin/sh
# Makes $VENV with $PYTHON and installs this project into it, editable. Called by the Makefile.
set -eu

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    echo "Python 3.11 or newer is needed: apt-get install python3 python3-venv" >&2
    echo "(or name one: make PYTHON=/path/to/python3.12)" >&2
    exit 1
}

# Debian ships Python without ensurepip; the package that has it is small.
if ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
    package="$("$PYTHON" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing $package: this Python cannot make environments without it"
        apt-get update -qq && apt-get install -y -qq "$package" >/dev/null
    else
        echo "this Python cannot make environments: sudo apt-get install $package" >&2
        exit 1
    fi
fi

if ! [ -x "$VENV/bin/python" ] || ! "$VENV/bin/python" -c 'import pip' 2>/dev/null; then
    "$PYTHON" -m venv --clear "$VENV"
fi
echo "installing into $VENV (the first time takes a minute or two)"
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check \
    -e ./sdk -e ./host -e ./builtin_panels -e .
