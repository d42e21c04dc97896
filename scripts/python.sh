# Python packages in folders of our own; sourced after lib.sh, never run.

# Sets `interpreter`, a Python with pip: the system's own where there is one, else Debian's, unpacked
# into a folder: find_python FOLDER. `modules` is where that one's own modules are then.
find_python() {
    local debian=$1 libraries
    modules=''
    for interpreter in /usr/bin/python3 "$(command -v python3)"; do
        ! "$interpreter" -m pip --version >/dev/null 2>&1 || return 0
    done
    unpack_packages "$debian" usr true python3 python3-pip
    interpreter=/usr/bin/python3
    [ -x "$interpreter" ] || interpreter="$debian/usr/bin/python3"
    modules="$debian/usr/lib/python3/dist-packages"
    libraries=$(ls -d "$debian"/usr/lib/*-linux-gnu* 2>/dev/null | head -n 1) || true
    [ -z "$libraries" ] || export LD_LIBRARY_PATH="$libraries"
}

# Installs the wheels that a list names, by their hashes: install_wheels LIST FOLDER.
install_wheels() {
    PYTHONPATH="$modules" "$interpreter" -m pip install -q --disable-pip-version-check --no-cache-dir \
        --root-user-action=ignore --target "$2" --no-deps --only-binary :all: --require-hashes -r "$1" >&2
}
