# Sourced by ./run and ./test from the root of the checkout: finds Python, makes .venv, installs
# the locked requirements. POSIX sh.

# Images of containers often set it. Each of our processes would compile all modules for itself.
unset PYTHONDONTWRITEBYTECODE

say() { printf '%s\n' "$*" >&2; }

# The system's own Python first, if it can make environments: distributions build theirs with a
# profile of what programs do, and what pyenv compiles by default takes a tenth to a fifth longer.
# $PYTHON names another.
find_python() {
    for modules in sys,venv,ensurepip sys; do
        for candidate in ${PYTHON:-/usr/bin/python3 python3 python3.13 python3.12 python3.11 python}; do
            if command -v "$candidate" >/dev/null 2>&1 &&
                "$candidate" -c "import $modules; sys.exit(sys.version_info < (3, 11))" 2>/dev/null; then
                command -v "$candidate"
                return 0
            fi
        done
    done
    if [ -n "${PYTHON:-}" ]; then
        say "PYTHON is “$PYTHON”, which is no Python 3.11 or newer that starts. Name another, or unset it."
        return 1
    fi
    say "Casekeeper needs Python 3.11 or newer, and found none. Install it, or name it: PYTHON=/path/to/python3.11 $0"
    return 1
}

make_venv() {
    # Debian and Ubuntu ship Python without what makes an environment.
    if ! "$1" -c 'import venv, ensurepip' 2>/dev/null; then
        package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
            say "Installing $package …"
            { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y "$package"; } \
            >/dev/null 2>&1 </dev/null || true
        fi
        if ! "$1" -c 'import venv, ensurepip' 2>/dev/null; then
            say "Python's venv module is missing. This mends it: sudo apt-get install $package"
            return 1
        fi
    fi
    "$1" -m venv --clear .venv
}

# install FILE: make .venv hold what FILE locks; nothing to do when it does already.
install() { environment && packages "$1"; }

# An empty .venv, unless there is one.
environment() {
    python=$(find_python) || return 1
    # The interpreter and the place, which an environment is made for: its scripts name both.
    made_for=$("$python" -c 'import os, sys; print("%d.%d" % sys.version_info[:2], os.getcwd())') || return 1
    if [ "$(cat .venv/made-for 2>/dev/null)" != "$made_for" ] || ! .venv/bin/python -c '' 2>/dev/null; then
        say "Making .venv with $python …"
        make_venv "$python" || return 1
        printf '%s\n' "$made_for" >.venv/made-for
    fi
}

# packages FILE: what it locks, in the .venv that there is.
packages() {
    if .venv/bin/python .ci/locked.py "$1"; then return 0; fi
    say "Installing the locked packages (the first time this takes a minute or two) …"
    .venv/bin/python .ci/locked.py forget "$1" || return 1
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
        --require-hashes -r "$1" || {
        say "The packages could not be installed; see above. Is the package registry reachable?"
        return 1
    }
    .venv/bin/python .ci/locked.py note "$1"
}
