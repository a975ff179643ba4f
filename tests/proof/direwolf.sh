# shellcheck shell=sh
# Two Dire Wolfs on a loopback of sound: what is given to the first as KISS on port SEND goes out as
# AFSK of 1200 bit/s, and comes from the second on port HEAR. No sound card: a pipe.
#
#   direwolf_pair FOLDER SEND HEAR      their processes are in $direwolfs

direwolf_pair() {
    mkfifo "$1/air"
    cat >"$1/asound.conf" <<END
pcm.air { type file; slave.pcm "null"; file "$1/air"; format "raw" }
END
    for end in "send $2 air" "hear $3 null"; do
        # shellcheck disable=SC2086 # three words
        set -- "$1" "$2" "$3" $end
        cat >"$1/$4.conf" <<END
ADEVICE stdin $6
ARATE 48000
ACHANNELS 1
CHANNEL 0
MYCALL N0TEST-11
MODEM 1200
AGWPORT 0
KISSPORT $5
END
        set -- "$1" "$2" "$3"
    done
    exec 9<>"$1/air" # a pipe with both ends open neither waits nor ends
    ALSA_CONFIG_PATH=/usr/share/alsa/alsa.conf:$1/asound.conf
    export ALSA_CONFIG_PATH
    direwolf -t 0 -c "$1/hear.conf" <"$1/air" >"$1/hear.log" 2>&1 9<&- &
    direwolfs=$!
    # Silence on the air, a tenth of a second at a time.
    { while head -c 9600 /dev/zero; do sleep 0.1; done; } 2>/dev/null 9<&- |
        direwolf -t 0 -c "$1/send.conf" >"$1/send.log" 2>&1 9<&- &
    direwolfs="$direwolfs $!"
}
