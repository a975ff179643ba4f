#!/bin/sh
# Runs in the machine of machine.sh: says on the console how flight core and mind are doing, asks
# for GO once where the kernel's command line says so (proof.preflight), and kills them with -9 as
# often as it says (proof.kills=N), by turns, 20 s apart or more, each when it is at work again.
set -u
kills=$(sed -n 's/.*proof\.kills=\([0-9]*\).*/\1/p' /proc/cmdline)
done_kills=0
reports=0

pid() { systemctl show --property MainPID --value "$1"; }

# since_kernel PROPERTY [UNIT]: microseconds from the kernel's start.
since_kernel() { systemctl show --property "$1" --value ${2:+"$2"}; }

# memory UNIT NAME: a line of /proc/PID/status, in kB; 0 while it does not run.
memory() { awk -v name="$2:" '$1 == name { print $2 }' "/proc/$(pid "$1")/status" 2>/dev/null; }

# mapped UNIT FILE: what it holds of that file in memory, in kB.
mapped() {
    awk -v name="$2" '/^[0-9a-f]+-/ { on = index($0, name) } on && /^Rss:/ { kb += $2 }
        END { print kb + 0 }' "/proc/$(pid "$1")/smaps" 2>/dev/null
}

# at_work UNIT: the flight core has sent a beacon, the mind holds its model.
at_work() {
    case $1 in
        spacepi-payload) systemctl -q is-active "$1" ;;
        spacepi-mind) [ "$(mapped "$1" model.gguf)" -gt 0 ] ;;
    esac
}

until systemctl -q is-active spacepi-payload; do sleep 2; done
while :; do
    core=$(memory spacepi-payload VmRSS)
    peak=$(memory spacepi-payload VmHWM)
    mind=$(memory spacepi-mind VmRSS)
    model=$(mapped spacepi-mind model.gguf)
    limit=$(cat /sys/fs/cgroup/system.slice/spacepi-mind.service/memory.max 2>/dev/null)
    oom=$(awk '$1 == "oom_kill" { print $2 }' \
        /sys/fs/cgroup/system.slice/spacepi-mind.service/memory.events 2>/dev/null)
    # Ready is said after the first step, in which the first beacon goes to the modem.
    ready_us=$(since_kernel ActiveEnterTimestampMonotonic spacepi-payload)
    exec_us=$(since_kernel ExecMainStartTimestampMonotonic spacepi-payload)
    units_us=$(since_kernel UserspaceTimestampMonotonic)
    free=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
    echo "proof: up_s=$(cut -d. -f1 /proc/uptime) core_kb=${core:-0} core_peak_kb=${peak:-0}" \
        "mind_kb=${mind:-0} model_kb=${model:-0} mind_max=${limit:-0} mind_oom=${oom:-0}" \
        "free_kb=$free units_us=${units_us:-0} exec_us=${exec_us:-0} ready_us=${ready_us:-0}" \
        "kills=$done_kills"
    reports=$((reports + 1))
    if [ "$reports" = 1 ] && grep -qw proof.preflight /proc/cmdline; then
        # As a maker does, but that the stand-in for the buses is told to it.
        PYTHONPATH=/opt/proof spacepi-preflight --seconds 600 2>&1 | sed 's/^/proof page: /'
        echo "proof: page_s=$(cut -d. -f1 /proc/uptime)"
    fi
    if [ "$done_kills" -lt "${kills:-0}" ]; then
        unit=spacepi-payload
        if [ $((done_kills % 2)) = 1 ]; then unit=spacepi-mind; fi
        if at_work $unit; then
            kill -9 "$(pid $unit)" && done_kills=$((done_kills + 1))
        fi
    fi
    sleep 20
done
