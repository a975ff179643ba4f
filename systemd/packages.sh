# shellcheck shell=sh
# The packages that install.sh installs: of Debian by apt, of Python by pip.
#
# pip comes from the wheel that Debian's venv would install it from, and is gone with $sources: in
# the environment, installing and compiling it would take longer than the whole of the flight core.
# Packages come from dist/, where `make wheels` puts them, or else from the network; the hashes of
# the lock are checked in both cases.
# shellcheck disable=SC2154 # root, project and say are those of install.sh

# The lists of apt are fetched once in a run, and only where something is to be installed.
lists=
apt_lists() {
    [ -n "$lists" ] || { in_root apt-get update -qq && lists=fetched; }
}

apt_install() {
    for package in "$@"; do
        quietly in_root dpkg -s "$package" && continue
        in_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "$package" >/dev/null
    done
}

# bring: a copy of the sources, and pip, at $sources in the system that is installed to.
sources=
bring() {
    [ -z "$sources" ] || return 0
    mkdir -p "$root/var/tmp" && copy=$(mktemp -d "$root/var/tmp/spacepi-XXXXXX") || return 1
    trap 'rm -rf "$copy"' EXIT
    trap 'exit 130' HUP INT TERM
    chmod 755 "$copy"
    for part in LICENSE pyproject.toml lock systemd wire payload; do
        cp -R "$project/$part" "$copy/" || return 1
    done
    # shellcheck disable=SC2016 # $1 is that of the inner shell
    in_root sh -c 'exec /usr/bin/python3 -m zipfile -e /usr/share/python-wheels/pip-*.whl "$1"' \
        sh "${copy#"$root"}/pip" || return 1
    sources=${copy#"$root"}
}

# with_pip COMMAND...: with that pip, and room for what it unpacks.
with_pip() { in_root env TMPDIR=/var/tmp PYTHONPATH="$sources/pip" "$@"; }

# pip_install ...: exactly what is named, and no more; what has a hash is checked against it.
pip_install() {
    with_pip /opt/spacepi/bin/python -m pip install --quiet --disable-pip-version-check \
        --no-deps --no-build-isolation --no-compile "$@"
}

# install_locked FILE: the packages of a lock.
install_locked() {
    given=$project/dist/python$(
        in_root /usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if [ -d "$given" ]; then
        mkdir -p "$root$sources/given" && cp "$given"/*.whl "$root$sources/given/" &&
            quietly pip_install --require-hashes --no-index --find-links "$sources/given" -r "$1" &&
            return
        say "A package of the lock is not in $given: all of them are fetched."
    fi
    pip_install --require-hashes -r "$1"
}

# compile_bytecode: of all that a flight may load, for nobody can write it later. What does not
# compile is compiled, and fails, where it is imported.
compile_bytecode() {
    in_root /opt/spacepi/bin/python -m compileall -q -x '/(setuptools|_distutils_hack|tests)/' \
        /opt/spacepi/lib >/dev/null || true
}

# only LOCK PATTERN, without LOCK PATTERN: the packages of a lock file whose first line has it or
# has not.
only() { awk -v name="$2" '/^[^ #]/ { keep = $0 ~ name } keep' "$project/lock/$1.txt"; }
without() { awk -v name="$2" '/^[^ #]/ { drop = $0 ~ name } !drop' "$project/lock/$1.txt"; }
