#!/bin/sh
# Runs in the machine of machine.sh: says on the console how flight core and mind are doing, and
# kills them with -9 as often as the kernel's command line says (proof.kills=N), one a minute and by
# turns, whatever they are doing.
set -u
kills=$(sed -n 's/.*proof\.kills=\([0-9]*\).*/\1/p' /proc/cmdline)
done_kills=0
reports=0

pid() { systemctl show --property MainPID --value "$1"; }

# memory UNIT NAME: a line of /proc/PID/status, in kB; 0 while it does not run.
memory() { awk -v name="$2:" '$1 == name { print $2 }' "/proc/$(pid "$1")/status" 2>/dev/null; }

# mapped UNIT FILE: what it holds of that file in memory, in kB.
mapped() {
    awk -v name="$2" '/^[0-9a-f]+-/ { on = index($0, name) } on && /^Rss:/ { kb += $2 }
        END { print kb + 0 }' "/proc/$(pid "$1")/smaps" 2>/dev/null
}

while :; do
    sleep 20
    core=$(memory spacepi-payload VmRSS)
    peak=$(memory spacepi-payload VmHWM)
    mind=$(memory spacepi-mind VmRSS)
    model=$(mapped spacepi-mind model.gguf)
    limit=$(cat /sys/fs/cgroup/system.slice/spacepi-mind.service/memory.max 2>/dev/null)
    oom=$(awk '$1 == "oom_kill" { print $2 }' \
        /sys/fs/cgroup/system.slice/spacepi-mind.service/memory.events 2>/dev/null)
    free=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
    echo "proof: up_s=$(cut -d. -f1 /proc/uptime) core_kb=${core:-0} core_peak_kb=${peak:-0}" \
        "mind_kb=${mind:-0} model_kb=${model:-0} mind_max=${limit:-0} mind_oom=${oom:-0}" \
        "free_kb=$free kills=$done_kills"
    reports=$((reports + 1))
    if [ "$done_kills" -lt "${kills:-0}" ] && [ $((reports % 3)) = 0 ]; then
        unit=spacepi-payload
        if [ $((done_kills % 2)) = 1 ]; then unit=spacepi-mind; fi
        if [ "$(pid $unit)" != 0 ]; then
            kill -9 "$(pid $unit)" && done_kills=$((done_kills + 1))
        fi
    fi
done
