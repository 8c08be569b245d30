# Sourced by the scripts of the lab: waits, and processes identified by a pid file.

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# The exit code of `enter` and its callers if the namespaces do not exist.
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

# A pid file holds "PID PIDNS". Each process that the lab starts has a PID namespace of its own, or
# its pid file is inside one. So a later process with the same pid, after a reboot of the node or
# another run of the lab, does not match.
write_pid() { echo "$2 $(readlink "/proc/$2/ns/pid")" >"$1.new" && mv "$1.new" "$1"; }

# live_pid FILE: prints the pid; fails if that process is gone or a zombie.
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

# The environment of a command in a node has no variable of ours.
CLEAN=(env -i "PATH=$PATH" HOME=/root LANG=C.UTF-8 "TERM=${TERM:-dumb}")
