# Sourced by the verbs beside it: a virtual environment in .venv that holds what the requirements say, made once.
# The caller names what to install, as pip takes it: setup -r requirements.txt -e ./sdk

# A Python that runs, can make environments, and is 3.12 or newer. A pyenv shim may exist without running.
is_suitable() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1
}

find_python() {
    for candidate in "${STUDIO_PYTHON:-}" python3 python3.13 python3.14 python3.12 \
        "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/3.1[2-9]*/bin/python3 \
        "${XDG_DATA_HOME:-${HOME:-}/.local/share}"/uv/python/cpython-3.1[2-9]*/bin/python3 \
        /opt/homebrew/bin/python3 /usr/local/bin/python3; do
        if [ -n "$candidate" ] && is_suitable "$candidate"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

# uv brings a Python of its own. An older Python is good enough to install uv into a folder of ours.
find_uv() {
    if command -v uv >/dev/null 2>&1; then
        command -v uv
        return 0
    fi
    python3 -m venv .uv >/dev/null 2>&1 && .uv/bin/pip install -q --disable-pip-version-check uv >/dev/null 2>&1 || return 1
    printf '%s\n' .uv/bin/uv
}

make_venv() {
    rm -rf .venv
    if python=$(find_python); then
        "$python" -m venv .venv
    elif ! { uv=$(find_uv) && "$uv" venv -q --seed --python 3.13 .venv; }; then
        echo "Python 3.12 or newer is needed: install python3 and python3-venv, or uv, or set STUDIO_PYTHON to one." >&2
        return 1
    fi
}

# One folder for each state of the requirements, one file in it for each thing installed from them. The checkout's place
# counts as well: an environment does not survive being moved.
sum_of() {
    cksum | tr -d ' '
}

setup() {
    state=.venv/stamps/$({ pwd && cat requirements*.txt constraints.txt sdk/pyproject.toml; } | sum_of)
    stamp=$state/$(printf '%s\n' "$@" | sum_of)
    if [ -f "$stamp" ]; then
        return 0
    fi
    if is_suitable .venv/bin/python && [ "$(cat .venv/made-in 2>/dev/null)" = "$(pwd)" ]; then
        echo "Bringing .venv up to date …" >&2
    else
        echo "Setting up .venv, once …" >&2
        make_venv || return 1
        pwd >.venv/made-in
    fi
    if ! .venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt "$@"; then
        echo "The packages could not be installed, see above. Nothing was started; run this again." >&2
        return 1
    fi
    [ -d "$state" ] || rm -rf .venv/stamps
    mkdir -p "$state"
    : >"$stamp"
}
