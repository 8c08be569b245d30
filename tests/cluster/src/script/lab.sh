#!/bin/bash
# The commands of the lab, run from outside. People type `cargo xtask lab`; tests call the Rust code
# beside this file.
#
#   up NODES [SRC:DST]...   build the lab, boot n1..nNODES (1 to 9), wait until all are online under
#                           one DC; each node has the directory SRC read-only at DST
#   down [LOGS]             save the nodes' logs and CIBs to the directory LOGS, then end the lab
#   status                  power, cable, and each node's own view of the cluster
#   exec NODE COMMAND...    run in a node; `host` is the lab outside them, 10.99.0.1 on their network
#   kill, on, reboot NODE   cut the power, press the power button
#   cut, heal NODE          pull the network cable, plug it in again
#   freeze, thaw NODE       SIGSTOP, SIGCONT to the node's corosync
#   stop, start NODE        stop or start pacemaker and corosync in an orderly way
#   wait SECONDS            wait until all nodes are online under one DC
#   pids                    the pid of the lab's process 1 on the machine
#
# `unshare` makes mount, UTS, IPC, network and PID namespaces for the lab (power.sh), and nested
# ones for each node (node.sh). The machine sees only its processes and LAB_DIR, which identifies
# the lab.
#
# Environment of `up`:
#   LAB_DIR         the lab's directory (all commands need it)
#   LAB_ROOT        /: the directory with the nodes' own programs
#   LAB_TTL         14400, with a leash 86400: seconds after which the lab ends by itself
#   LAB_TOKEN       1000: corosync's token timeout in ms
#   LAB_BOOT_DELAY  (computed) seconds that a reboot of a node takes. It must exceed corosync's
#                   detection of the loss: Pacemaker of a node that is back earlier hears that it
#                   was "allegedly just fenced", and stops for good
#   LAB_STACK       yes; no: corosync and pacemaker are not started
#   LAB_LEASH       no; yes: the lab ends when its standard input closes
set -u
here=$(dirname "$(realpath "$0")")
. "$here/live.sh"
: "${LAB_DIR:?}"
export LAB_DIR
fs=$LAB_DIR/fs # a mount in the lab; outside an empty directory

die() { echo "$*" >&2; exit 1; }
in_lab() {
    enter "$LAB_DIR/pid" "$@"
    local code=$?
    [ $code != "$NOT_UP" ] || die "no lab is up in $LAB_DIR"
    return $code
}
# The pids in the nodes' pid files are those of the lab's namespace.
in_node() {
    local node=$1
    shift
    in_lab "${CLEAN[@]}" LAB_DIR="$LAB_DIR" "$here/lab.sh" _enter "$node" "${CLEAN[@]}" "$@"
}
ask_power() { in_lab "${CLEAN[@]}" LAB_CTL="$fs/ctl" "$here/fence_lab" -o "$1" -n "$2"; }
nodes() { in_lab cat "$fs/ctl/nodes"; }
is_node() { case " $(nodes) " in *" $1 "*) ;; *) die "no node is called '$1'; there are: $(nodes)${2:-}" ;; esac; }

up() {
    local count=$1 node bind seconds
    shift
    [[ $count == [1-9] ]] || die "$count nodes: 1 to 9 can be had"
    LAB_NODES='' LAB_BINDS=''
    for ((node = 1; node <= count; node++)); do LAB_NODES+=${LAB_NODES:+ }n$node; done
    for bind in "$here:/usr/lib/lab" "$@"; do LAB_BINDS+=$bind$'\n'; done
    : "${LAB_ROOT:=/}" "${LAB_TOKEN:=1000}" "${LAB_STACK:=yes}" "${LAB_LEASH:=no}"
    : "${LAB_TTL:=$([ "$LAB_LEASH" = yes ] && echo 86400 || echo 14400)}"
    # Corosync adds 650 ms for each node above two, and 1.2 times the token for the consensus.
    seconds=$(((LAB_TOKEN + 650 * (count > 2 ? count - 2 : 0)) * 22 / 10000 + 4))
    : "${LAB_BOOT_DELAY:=$seconds}"
    export LAB_ROOT LAB_NODES LAB_BINDS LAB_TOKEN LAB_TTL LAB_STACK LAB_LEASH LAB_BOOT_DELAY
    gone "$LAB_DIR/pid" || die "a lab is already up in $LAB_DIR"
    mkdir -p "$fs" && rm -f "$LAB_DIR/pid" || exit 1
    if [ "$LAB_LEASH" = yes ]; then exec 9<&0; else exec 9</dev/null; fi
    setsid unshare --mount --uts --ipc --net --pid --fork --kill-child \
        "$here/power.sh" </dev/null >"$LAB_DIR/log" 2>&1 &
    exec 9<&-
    until_ok 10 live_pid "$LAB_DIR/pid" && until_ok 20 enter "$LAB_DIR/pid" test -e "$fs/ready" || {
        cat "$LAB_DIR/log" >&2
        down
        die "the lab did not start"
    }
    [ "$LAB_STACK" = no ] || wait_online 90
}

down() {
    local pid
    if pid=$(live_pid "$LAB_DIR/pid"); then
        [ $# = 0 ] || save_logs "$1"
        kill -KILL "$pid"
        until_ok 20 gone "$LAB_DIR/pid" || die "the lab (process $pid) does not end"
    fi
    rm -f "$LAB_DIR/pid" "$LAB_DIR/pid.new" "$LAB_DIR/log"
    [ ! -d "$fs" ] || rmdir "$fs"
}

save_logs() {
    local node
    for node in $(nodes); do
        mkdir -p "$1/$node" && in_lab tar -C "$fs/$node" -cf - console -C disk var/log var/lib/pacemaker |
            tar -C "$1/$node" -xf -
    done
    if in_lab test -d "$fs/openstack"; then
        mkdir -p "$1/openstack" && in_lab tar -C "$fs/openstack/disk/var/log/lab" -cf - . | tar -C "$1/openstack" -xf -
    fi
    in_lab cat "$fs/power.log" >"$1/power.log" 2>/dev/null
    cp "$LAB_DIR/log" "$1/lab.log"
}

# True if some node has quorum, knows the DC and sees all nodes online.
all_online() {
    local node all seen
    all=$(nodes)
    for node in $all; do
        seen=$(in_node "$node" timeout 5 crm_mon -1 --output-as=xml 2>/dev/null) || continue
        [[ $seen == *'<current_dc present="true"'*'with_quorum="true"'* ]] &&
            [ "$(grep -c '<node name=.*online="true".*pending="false"' <<<"$seen")" = "$(wc -w <<<"$all")" ] &&
            return 0
    done
    return 1
}
wait_online() {
    until_ok "$1" all_online || { status >&2; die "not all nodes came online in $1 s"; }
}

# Prints a line with each node's own view, then crm_mon of a node with quorum.
status() {
    local node all seen best=''
    all=$(nodes) || exit 1
    for node in $all; do
        if ! ask_power status "$node"; then echo "$node: off"; continue; fi
        echo -n "$node: on, network $(in_lab cat "/sys/class/net/v$node/operstate" 2>/dev/null)"
        if ! seen=$(in_node "$node" timeout 5 crm_mon -1 --output-as=xml 2>/dev/null); then
            echo ", pacemaker does not answer"
            continue
        fi
        echo -n ", DC $(sed -n 's/.*<current_dc present="true".* name="\([^"]*\)".*/\1/p' <<<"$seen")"
        if [[ $seen == *'with_quorum="true"'* ]]; then best=$node; echo -n ", quorum"; else echo -n ", no quorum"; fi
        echo ", online: $(sed -n 's/.*<node name="\([^"]*\)".* online="true".*/\1/p' <<<"$seen" | paste -sd' ')"
    done
    [ -z "$best" ] || in_node "$best" timeout 5 crm_mon -1 -rf
}

cable() { # cable NODE up|down
    if [ "$2" = up ]; then in_lab rm -f "$fs/$1/cut"; else in_lab touch "$fs/$1/cut"; fi
    # A node without power has no such interface; power.sh reads the file when it switches the node
    # on.
    ! in_lab ip link show "v$1" >/dev/null 2>&1 || in_lab ip link set "v$1" "$2"
}
corosync() { in_node "$1" sh -c 'read -r pid _ </run/lab-corosync.pid && kill -s "$0" "$pid"' "$2"; }

verb=$1
shift
case $verb in
    kill | on | reboot | cut | heal | freeze | thaw | stop | start) is_node "${1:-}" ;;
esac
case $verb in
    _enter)
        node=$1
        shift
        ! gone "$fs/$node/pid" || die "$node is off"
        enter "$fs/$node/pid" "$@"
        ;;
    up) up "$@" ;;
    down) down "$@" ;;
    wait) wait_online "$1" ;;
    status) status ;;
    pids) live_pid "$LAB_DIR/pid" ;;
    exec)
        node=$1
        shift
        if [ "$node" = host ]; then in_lab "${CLEAN[@]}" "$@"; else is_node "$node" ", and host" && in_node "$node" "$@"; fi
        ;;
    kill) ask_power off "$1" ;;
    on) ask_power on "$1" ;;
    reboot) ask_power reboot "$1" ;;
    cut) cable "$1" down ;;
    heal) cable "$1" up ;;
    freeze) corosync "$1" STOP ;;
    thaw) corosync "$1" CONT ;;
    start) in_node "$1" systemctl start pacemaker ;;
    stop) in_node "$1" systemctl stop corosync ;;
    *) die "$verb: not known to the lab" ;;
esac
