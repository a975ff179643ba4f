#!/bin/sh
# Installs the payload on a Pi, or into a mounted image. What is in place stays as it is.
#
#   sudo sh systemd/install.sh                 install, or bring an installation up to date
#   sudo sh systemd/install.sh --check         a table of what is in place and what is not
#   sudo sh systemd/install.sh --dry-run       what would be done
#   sudo sh systemd/install.sh --uninstall     remove it; mission, key and store are kept
#   ... --root DIR                             the same for the system in DIR, by chroot
#
# A step is a pair of functions: has_STEP finds out whether it is done, do_STEP does it, and
# has_STEP is asked again. A unit is enabled by a step of its own, after everything that it needs.
# Builds happen in a copy under /var/tmp: not in the project's folder, and not in memory.
set -u

here=$(cd "$(dirname "$0")" && pwd)
project=$(dirname "$here")
root=
task=install
while [ $# -gt 0 ]; do
    case $1 in
        --root) [ $# -ge 2 ] || { echo "install.sh: --root requires a directory" >&2; exit 2; }
                root=${2%/}; shift ;;
        --check | --dry-run | --uninstall) task=${1#--} ;;
        *) echo "usage: install.sh [--check | --dry-run | --uninstall] [--root DIR]" >&2; exit 2 ;;
    esac
    shift
done

# Without one of the core there is no flight; what fails of the others is missing in flight. Model
# and unit need the mind.
core="python environment core files user mission persona payload_unit"
rest="packages i2c serial memory"
thinking="model mind_unit"

say() { printf '%s\n' "$*"; }

# in_root COMMAND...: run it in the system that is installed to.
in_root() { if [ -n "$root" ]; then chroot "$root" "$@"; else "$@"; fi; }

quietly() { "$@" >/dev/null 2>&1; }

# shellcheck source-path=SCRIPTDIR
. "$here/packages.sh"

# -- what is needed to fly

what_python() { say "Python 3.11 with venv (apt: python3-venv)"; }
has_python() {
    quietly in_root /usr/bin/python3 -c 'import ensurepip, venv, sys; assert sys.version_info >= (3, 11)'
}
do_python() { apt_lists && apt_install python3-venv; }

# The Python of apt: its picamera2, lgpio and numpy are seen through --system-site-packages.
what_environment() { say "virtual environment /opt/spacepi"; }
has_environment() { [ -e "$root/opt/spacepi/bin/activate" ]; } # which is made last
do_environment() {
    in_root /usr/bin/python3 -m venv --without-pip --system-site-packages /opt/spacepi
}

# digest PATH...: of the contents of these files and folders of the project.
digest() {
    (cd "$project" && find "$@" -type f ! -name '*.pyc' -exec sha256sum {} + | sort | sha256sum)
}

# The notes of what was installed are in the environment, and go with it.
is_noted() { [ "$(cat "$root/opt/spacepi/installed-$1" 2>/dev/null)" = "$2" ]; }
note() { printf '%s\n' "$2" >"$root/opt/spacepi/installed-$1"; }

# typer and structlog load rich where it is there, for the colours of a terminal: 4 MB of the flight
# core's memory. The others are rich's. The mind's lock has them too, for the same environment.
colours='rich|pygments|markdown-it-py|mdurl'

what_core() { say "flight core: wire, payload and the packages of lock/payload.txt"; }
core_digest() { digest lock/payload.txt pyproject.toml systemd/wheel wire payload; }
has_core() {
    is_noted core "$(core_digest)" && quietly in_root /opt/spacepi/bin/spacepi-payload --help
}
do_core() {
    bring && without payload "^($colours)==" >"$root$sources/core.txt" &&
        install_locked "$sources/core.txt" &&
        pip_install --force-reinstall "$sources/systemd/wheel" && compile_bytecode &&
        note core "$(core_digest)"
}

installed_files="
644 spacepi-payload.service /etc/systemd/system/spacepi-payload.service
644 spacepi-mind.service    /etc/systemd/system/spacepi-mind.service
644 spacepi-powersave.service /etc/systemd/system/spacepi-powersave.service
644 watchdog.conf           /etc/systemd/system.conf.d/90-spacepi-watchdog.conf
644 panic.conf              /etc/sysctl.d/90-spacepi-panic.conf
644 modules.conf            /etc/modules-load.d/spacepi.conf
644 spacepi.sysusers        /etc/sysusers.d/spacepi.conf
755 spacepi-preflight       /usr/local/bin/spacepi-preflight
"

what_files() { say "units, hardware watchdog, restart after a kernel panic, spacepi-preflight"; }
has_files() {
    printf '%s' "$installed_files" | while read -r mode source target; do
        [ -z "$mode" ] || cmp -s "$here/$source" "$root$target" || exit 1
    done
}
do_files() {
    printf '%s' "$installed_files" | while read -r mode source target; do
        [ -z "$mode" ] || install -D -m "$mode" "$here/$source" "$root$target" || exit 1
    done
}

what_user() { say "user spacepi, with the groups of its devices"; }
has_user() {
    grep -q '^spacepi:' "$root/etc/passwd" 2>/dev/null && [ -d "$root/var/lib/spacepi" ]
}
do_user() {
    in_root systemd-sysusers /etc/sysusers.d/spacepi.conf &&
        in_root install -d -m 750 -o spacepi -g spacepi /var/lib/spacepi
}

what_mission() { say "mission file /var/lib/spacepi/mission.toml"; }
mission=/var/lib/spacepi/mission.toml
has_mission() { [ -e "$root$mission" ]; }
do_mission() {
    sed 's|^bundle = .*|bundle = "persona"|' "$project/mission.toml" >"$root$mission" &&
        in_root chown spacepi:spacepi "$mission" && chmod 640 "$root$mission" &&
        say "Now edit $mission (callsign) and copy the key to /var/lib/spacepi/mission.key."
}

# Edda, unless another persona was copied there.
what_persona() { say "persona /var/lib/spacepi/persona, readable by the payload"; }
persona=/var/lib/spacepi/persona
has_persona() {
    [ -e "$root$persona" ] &&
        strangers=$(in_root find "$persona" ! -user spacepi 2>&1) && [ -z "$strangers" ]
}
do_persona() {
    [ -e "$root$persona" ] ||
        cp -R "$project/host_training/examples/edda.bundle" "$root$persona" || return 1
    in_root chown -R spacepi:spacepi "$persona"
}

# Enabling is a link; made by hand it is the same on a running Pi and in an image.
wants=$root/etc/systemd/system/multi-user.target.wants
is_enabled() { [ -L "$wants/$1" ]; }
start_at_boot() { mkdir -p "$wants" && ln -sf "../$1" "$wants/$1"; }

what_payload_unit() { say "flight core starts at boot"; }
has_payload_unit() { is_enabled spacepi-payload.service; }
do_payload_unit() { start_at_boot spacepi-payload.service; }

# -- devices and limits

what_packages() { say "camera and cutdown pin (apt: python3-picamera2 python3-lgpio)"; }
has_packages() {
    quietly in_root dpkg -s python3-picamera2 && quietly in_root dpkg -s python3-lgpio
}
do_packages() { apt_lists && apt_install python3-picamera2 python3-lgpio; }
without_packages() { say "no pictures and no cutdown; both packages are in Raspberry Pi OS"; }

# The files of the Pi's firmware; older releases have them in /boot itself.
boot=$root/boot/firmware
[ -e "$boot/config.txt" ] || boot=$root/boot
config=$boot/config.txt
cmdline=$boot/cmdline.txt
begin="# spacepi: begin"
end="# spacepi: end"

# set_config LINE: in a block of our own at the end, which holds for every model.
set_config() {
    [ -e "$config" ] || return 1
    grep -qx "$begin" "$config" || printf '\n%s\n[all]\n%s\n' "$begin" "$end" >>"$config"
    replace "$config" "s/^$end\$/$1\\n&/"
}

# replace FILE SED-COMMAND: a power cut leaves the old file or the new one.
replace() {
    sed "$2" "$1" >"$1.new" && sync && mv "$1.new" "$1"
}

without_firmware() { say "there is no config.txt or no cmdline.txt in $boot: not a Raspberry Pi"; }
what_i2c() { say "I2C bus 1 (config.txt: dtparam=i2c_arm=on)"; }
has_i2c() { quietly grep -qxE 'dtparam=i2c(_arm)?=on' "$config"; }
do_i2c() { set_config dtparam=i2c_arm=on; }
without_i2c() { without_firmware; }

# systemd starts a login on every serial port that is a kernel console. On a Pi 5 pins 8 and 10 are
# not /dev/serial0 but UART 0, /dev/ttyAMA0, which is off until config.txt says otherwise.
what_serial() {
    say "serial port on pins 8 and 10 without a console (config.txt: enable_uart=1, for a Pi 5" \
        "dtparam=uart0=on; cmdline.txt)"
}
console='console=\(serial0\|ttyAMA[0-9]*\|ttyS[0-9]*\)[^ ]* *'
has_serial() {
    quietly grep -qx 'enable_uart=1' "$config" && quietly grep -qx 'dtparam=uart0=on' "$config" &&
        [ -e "$cmdline" ] && ! grep -q "$console" "$cmdline"
}
do_serial() {
    quietly grep -qx 'enable_uart=1' "$config" || set_config enable_uart=1 || return 1
    quietly grep -qx 'dtparam=uart0=on' "$config" ||
        set_config '[pi5]\ndtparam=uart0=on\n[all]' || return 1
    [ -e "$cmdline" ] && replace "$cmdline" "s/$console//g"
}
without_serial() { without_firmware; }

what_memory() { say "memory limit of the mind (cmdline.txt: cgroup_enable=memory)"; }
has_memory() { quietly grep -qw 'cgroup_enable=memory' "$cmdline"; }
do_memory() { [ -e "$cmdline" ] && replace "$cmdline" '1s/ *$/ cgroup_enable=memory/'; }
without_memory() { without_firmware; }

# -- the mind

# A wheel that `make wheels` built for the oldest 64-bit Pi runs on each of them; the other needs
# the dot product of a Pi 5. An image is not bound to a Pi.
wheel() {
    [ "$(in_root uname -m)" = aarch64 ] || return 0
    tag=80
    if quietly grep -qw asimddp "$root/proc/cpuinfo"; then tag=82_dotprod; fi
    for found in "$project"/dist/llama_cpp_python-*-"$tag"-py3-none-linux_aarch64.whl; do
        [ ! -e "$found" ] || say "$found"
    done
}

what_mind() { say "llama.cpp, which runs the model"; }
mind_digest() { say "$(digest lock/mind.txt)$(basename "$(wheel)")"; }
has_mind() {
    is_noted mind "$(mind_digest)" && quietly in_root /opt/spacepi/bin/python -c 'import llama_cpp'
}
without_mind() {
    say "the flight core flies without a mind. Run make wheels on a workstation, copy dist/ into" \
        "the project's folder here, and run install.sh again"
}

do_mind() {
    bring || return 1
    apt_install libgomp1 || return 1
    # Where apt has numpy it stays: picamera2 is compiled against that one.
    if quietly in_root /usr/bin/python3 -c 'import numpy'; then
        without mind "^($colours|numpy|llama-cpp-python)==" >"$root$sources/packages.txt"
    else
        without mind "^($colours|llama-cpp-python)==" >"$root$sources/packages.txt"
    fi
    install_locked "$sources/packages.txt" || return 1
    built=$(wheel)
    if [ -n "$built" ]; then
        cp "$built" "$root$sources/" &&
            pip_install --force-reinstall "$sources/$(basename "$built")" || return 1
    else
        compile || return 1
    fi
    compile_bytecode
    note mind "$(mind_digest)"
}

compile() {
    say "There is no wheel of llama.cpp for this machine in dist/, so it is compiled here, in one" \
        "job: an estimated one to two hours on a Zero 2 W, a quarter of an hour on a Pi 4. The" \
        "flight core is installed and flies without it."
    kb=$(awk '/^(MemTotal|SwapTotal):/ { sum += $2 } END { print sum + 0 }' "$root/proc/meminfo")
    if [ "$kb" -lt 1000000 ]; then
        say "This machine has $((kb / 1000)) MB of memory and swap, and a job needs 460 MB. If" \
            "it ends with 'Killed', add swap and run install.sh again: fallocate -l 1G /var/swap" \
            "&& chmod 600 /var/swap && mkswap /var/swap && swapon /var/swap"
    fi
    apt_install g++ python3-dev || return 1
    only mind '^llama-cpp-python==' >"$root$sources/llama.txt"
    pip_install --require-hashes -r "$sources/lock/build.txt" &&
        with_pip PATH="/opt/spacepi/bin:$PATH" CMAKE_BUILD_PARALLEL_LEVEL=1 \
            CMAKE_ARGS="-DCMAKE_PROJECT_llama_cpp_INCLUDE=$sources/systemd/llama/only_llama.cmake" \
            nice -n 10 /opt/spacepi/bin/python -m pip install --quiet --disable-pip-version-check \
            --no-deps --no-build-isolation --force-reinstall --require-hashes \
            -r "$sources/llama.txt"
}

# The model of an adapter bundle is made once, from a base that is downloaded once.
what_model() { say "model of the persona, assembled"; }
has_model() {
    [ -e "$root$persona" ] &&
        { [ ! -e "$root$persona/adapter.gguf" ] || [ -e "$root$persona/assembled.json" ]; }
}
do_model() {
    in_root /opt/spacepi/bin/spacepi-payload assemble --mission "$mission" &&
        in_root chown -R spacepi:spacepi "$persona"
}
without_model() { say "the flight core flies without a mind; with a network run install.sh again"; }

what_mind_unit() { say "mind starts at boot"; }
has_mind_unit() { is_enabled spacepi-mind.service; }
do_mind_unit() { start_at_boot spacepi-mind.service; }
without_mind_unit() { say "the flight core flies without a mind"; }

# -- what is asked for

check() {
    status=0
    for step in $core $rest mind $thinking; do
        if "has_$step"; then mark=ok; else mark=missing; status=1; fi
        printf '%-8s %s\n' "$mark" "$("what_$step")"
    done
    return $status
}

dry_run() {
    for step in $core $rest mind $thinking; do
        "has_$step" || say "would install: $("what_$step")"
    done
    return 0
}

# took STEP: do it unless it is done; false where it is not done after that either.
took() {
    if "has_$1"; then return 0; fi
    say "$("what_$1")"
    "do_$1" && "has_$1"
}

# tried STEP: the same; where it is not done, it is said what that means.
tried() {
    took "$1" || { say "Not installed: $("what_$1"): $("without_$1")."; return 1; }
}

install_all() {
    for step in $core; do
        took "$step" || {
            say "install.sh: failed: $("what_$step"). Mend what is reported above and run it" \
                "again; a payload that was not installed before does not start at boot." >&2
            exit 1
        }
    done
    for step in $rest; do tried "$step"; done
    if tried mind; then
        for step in $thinking; do tried "$step"; done
    fi
    if [ -z "$root" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
    say "Reboot to start the payload and to arm the hardware watchdog. Before a launch run" \
        "spacepi-preflight."
}

uninstall() {
    if [ -z "$root" ] && [ -d /run/systemd/system ]; then
        quietly systemctl stop spacepi-payload spacepi-mind spacepi-powersave
    fi
    rm -f "$wants/spacepi-payload.service" "$wants/spacepi-mind.service" \
        "$wants/spacepi-powersave.service"
    printf '%s' "$installed_files" | while read -r mode source target; do
        [ -z "$mode" ] || rm -f "$root$target"
    done
    rm -rf "$root/opt/spacepi" "$root/var/cache/spacepi"
    [ ! -e "$config" ] || replace "$config" "/^$begin\$/,/^$end\$/d"
    [ ! -e "$cmdline" ] || replace "$cmdline" 's/ *cgroup_enable=memory//'
    if [ -z "$root" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
    say "Removed. Kept: /var/lib/spacepi with mission, key and store, and its user; the packages of" \
        "apt; the serial port stays without a console."
}

# Who may not look into /var/lib/spacepi would find nothing there.
if [ -z "$root" ] && [ "$(id -u)" != 0 ]; then
    echo "install.sh: run it with sudo, or with --root DIR" >&2
    exit 1
fi
case $task in
    check) check ;;
    dry-run) dry_run ;;
    install) install_all ;;
    uninstall) uninstall ;;
esac
