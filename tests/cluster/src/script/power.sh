#!/bin/bash
# Process 1 of the lab: builds the network and the nodes' disks, switches the nodes on, and then
# acts as their power switch.
#
# A request is a line in the FIFO ctl/power: "REPLY ACTION NODE". The answer goes into the FIFO
# ctl/REPLY: 0 done or on, 2 off, 1 failed. Each node has the FIFOs as bind mounts, so a fence agent
# reaches the switch in any state of the node's network. After SIGKILL to process 1 of a PID
# namespace the kernel kills all other processes there: power off.
set -u
here=${0%/*}
. "$here/live.sh"
fs=$LAB_DIR/fs # the lab's own tmpfs
net=10.99.0

switch() {
    case " $LAB_NODES " in *" $2 "*) ;; *) return 1 ;; esac
    case $1 in
        status) live_pid "$fs/$2/on" >/dev/null || return 2 ;;
        off) off "$2" ;;
        on) on "$2" ;;
        reboot) off "$2" && on "$2" ;;
        *) return 1 ;;
    esac
}

# A node is on from its creation (the file `on`), and can be entered after its boot (`pid`).
off() {
    local pid
    pid=$(live_pid "$fs/$1/on") || return 0
    kill -KILL "$pid"
    until_ok 10 gone "$fs/$1/on"
}

on() {
    local pid
    ! live_pid "$fs/$1/on" >/dev/null || return 0
    rm -f "$fs/$1/on" "$fs/$1/pid"
    ip link del "v$1" 2>/dev/null # of the boot before, if the kernel has not yet removed it
    setsid "${CLEAN[@]}" LAB_DIR="$LAB_DIR" LAB_ROOT="$LAB_ROOT" LAB_STACK="$LAB_STACK" LAB_BOOT_DELAY="$LAB_BOOT_DELAY" \
        unshare --mount --uts --ipc --net --pid --fork --kill-child \
        "$here/node.sh" "$1" </dev/null >>"$fs/$1/console" 2>&1 3>&- 9>&- &
    until_ok 10 live_pid "$fs/$1/pid" && pid=$(live_pid "$fs/$1/pid") || return 1
    # The node waits for its eth0. A pulled cable stays pulled over reboots.
    ip link add "v$1" type veth peer name eth0 address "02:00:00:00:00:1${1#n}" netns "$pid" &&
        ip link set "v$1" master br0 || return 1
    [ -e "$fs/$1/cut" ] || ip link set "v$1" up
}

# The upper layer of the root: the files of a node's disk that differ from LAB_ROOT. At the first
# boot node.sh adds those that need the node's programs.
make_disk() {
    local name=$1 disk=$fs/$1/disk node program
    mkdir -p "$fs/$name/work" "$fs/$name/root" "$disk/etc/corosync" "$disk"/usr/{sbin,bin,local/sbin} || return 1
    echo "$name" >"$disk/etc/hostname"
    # The process watcher recognizes the processes of this lab by this file.
    echo "$LAB_DIR" >"$disk/etc/lab"
    # All logs, and the process watcher, use the same time zone.
    ln -s /usr/share/zoneinfo/UTC "$disk/etc/localtime"
    {
        printf '127.0.0.1 localhost\n%s.1 host\n' $net
        for node in $LAB_NODES; do echo "$net.1${node#n} $node"; done
    } >"$disk/etc/hosts"
    corosync_conf >"$disk/etc/corosync/corosync.conf"
    # In the PATH, as packages install them.
    for program in mz-sim mzha mz-ha-scripts; do
        [ ! -e "$LAB_DIR/bin/$program" ] || ln -s "/usr/lib/mz-sim/$program" "$disk/usr/local/sbin/" || return 1
    done
    install -m 755 "$here/fence_lab" "$disk/usr/sbin/fence_lab" &&
        install -m 755 "$here/systemctl" "$disk/usr/bin/systemctl"
}

corosync_conf() {
    local node
    cat <<END
totem {
    version: 2
    cluster_name: lab
    transport: knet
    crypto_cipher: none
    crypto_hash: none
    token: $LAB_TOKEN
}
quorum {
    provider: corosync_votequorum
    $([ "$LAB_NODES" = "n1 n2" ] && echo "two_node: 1")
}
logging {
    to_logfile: yes
    logfile: /var/log/corosync/corosync.log
    to_syslog: no
    to_stderr: no
    timestamp: hires
}
system {
    sched_rr: no
    move_to_root_cgroup: no
}
nodelist {
END
    for node in $LAB_NODES; do
        printf '    node {\n        name: %s\n        nodeid: %s\n        ring0_addr: %s\n    }\n' \
            "$node" "${node#n}" "$net.1${node#n}"
    done
    echo "}"
}

read -r outside _ </proc/self/stat # /proc is still the machine's: our number out there
write_pid "$LAB_DIR/pid" "$outside"
mount --make-rprivate / && mount -t proc proc /proc && mount -t sysfs -o ro sysfs /sys &&
    mount -t tmpfs -o size=2g,mode=755 lab "$fs" &&
    hostname lab && ip link set lo up &&
    ip link add br0 address 02:00:00:00:00:01 type bridge && ip addr add $net.1/24 dev br0 && ip link set br0 up &&
    mkdir "$fs/ctl" "$fs/shared" && mkfifo "$fs/ctl/power" || exit 1
exec 3<>"$fs/ctl/power"
printf '%s\n' "$LAB_BINDS" >"$fs/binds"
echo "$LAB_NODES" >"$fs/ctl/nodes"
for node in $LAB_NODES; do make_disk "$node" || exit 1; done
for node in $LAB_NODES; do on "$node" || exit 1; done
# The owner of the lab holds the other end of descriptor 9. When it closes, for any reason, the lab
# ends.
[ "$LAB_LEASH" = no ] || { while read -r -u 9 _; do :; done; echo "- end lab" >&3; } &
touch "$fs/ready"

{ sleep "$LAB_TTL" && echo "- end lab" >&3; } &
# No timeout here. At a timeout bash drops the part of a line that it has read. A request at that
# moment would never get an answer, and a monitor every 30 s hits that moment repeatedly.
while read -r reply action node <&3; do
    [ "$action" != end ] || break
    switch "$action" "$node"
    answer=$?
    [ "$action" = status ] || echo "$(date +%s%3N) $action $node $answer" >>"$fs/power.log"
    # Open for reading and writing, which does not block if the requester is gone.
    [ -p "$fs/ctl/$reply" ] && echo $answer 1<>"$fs/ctl/$reply"
done
