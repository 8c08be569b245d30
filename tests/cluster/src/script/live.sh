# Sourced by the scripts of the lab: waiting, and processes that are known by a pid file.

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# Exit code of `enter` and of all above it when the namespaces are not there.
readonly NOT_UP=125

# until_ok SECONDS COMMAND...: tries the command ten times a second until it succeeds.
until_ok() {
    local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "${EPOCHREALTIME/./}" -lt "$end" ] || return 1
        sleep 0.1
    done
}

# A pid file holds "PID PIDNS". What the lab starts has a PID namespace of its own, or is known from within one: so a
# process that got the same number later, after a reboot of the node or a run of the lab, is never taken for it.
write_pid() { echo "$2 $(readlink "/proc/$2/ns/pid")" >"$1.new" && mv "$1.new" "$1"; }

# live_pid FILE: prints the number; fails when that process is gone, or dead and not yet reaped.
live_pid() {
    local pid namespace stat
    {
        read -r pid namespace <"$1" && [ "$(readlink "/proc/$pid/ns/pid")" = "$namespace" ] &&
            stat=$(<"/proc/$pid/stat") && [[ ${stat##*) } != Z* ]]
    } 2>/dev/null && echo "$pid"
}
gone() { ! live_pid "$1" >/dev/null; }

# enter FILE COMMAND...: runs the command in all namespaces of that process.
enter() {
    local pid
    pid=$(live_pid "$1") || return "$NOT_UP"
    shift
    nsenter --target "$pid" --mount --uts --ipc --net --pid -- "$@"
}

# What a command in a node finds in its environment: nothing of ours.
CLEAN=(env -i "PATH=$PATH" HOME=/root LANG=C.UTF-8 "TERM=${TERM:-dumb}")
