# Furnishes the node and then keeps it: process 1 of a sandbox (see sandbox.rs).
# $1: directory with the sandbox's own files; $2: / or another directory that is to be the root; the rest: FILE=NAME,
# programs to show as $1/bin/NAME, or, with NAME = agent/x, as an agent of ours.
set -eu
kit=$1
userland=$2
shift 2
ocf=/usr/lib/ocf/resource.d

machine=''
if [ "$userland" != / ]; then
    mount --bind "$userland" "$userland"
    for dir in dev proc sys; do mount --rbind "/$dir" "$userland/$dir"; done
    cd "$userland"
    # Until all is taken from there that is needed.
    machine=/mnt
    pivot_root . ".$machine"
    cd /
fi

mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p "$kit/bin" "$kit/resource.d/mediationzone"

# First the programs, which may lie in a /tmp that will be covered below.
for pair in "$@"; do
    case ${pair##*=} in
        agent/*) shown=$kit/resource.d/mediationzone/${pair##*=agent/} ;;
        *) shown=$kit/bin/${pair##*=} ;;
    esac
    : >"$shown"
    chmod 755 "$shown"
    mount --bind "$machine${pair%=*}" "$shown"
done

if [ -n "$machine" ]; then umount --lazy "$machine"; fi

# Other providers stay where the tools look for them, ours is shown beside them.
if [ -d "$ocf" ]; then
    for provider in "$ocf"/*/; do
        provider=${provider%/}
        case ${provider##*/} in mediationzone) continue ;; esac
        mkdir "$kit/resource.d/${provider##*/}"
        mount --bind "$provider" "$kit/resource.d/${provider##*/}"
    done
    mount --rbind "$kit/resource.d" "$ocf"
fi

cp /etc/passwd /etc/group "$kit/"
echo "mzadmin:x:4711:4711:MediationZone:/var/lib/mzadmin:/bin/bash" >>"$kit/passwd"
echo "mzadmin:x:4711:" >>"$kit/group"
mount --bind "$kit/passwd" /etc/passwd
mount --bind "$kit/group" /etc/group

# Names are the node's own: what the test writes into these files, else localhost, and never a name server of the machine's.
printf '127.0.0.1 localhost\n' >"$kit/hosts"
: >"$kit/resolv.conf"
{ grep -v '^hosts:' /etc/nsswitch.conf || :; echo 'hosts: files'; } >"$kit/nsswitch.conf" 2>/dev/null
for file in hosts resolv.conf nsswitch.conf; do
    if [ -e "/etc/$file" ]; then mount --bind "$kit/$file" "/etc/$file"; fi
done

# From here on nothing can reach the machine's own disk.
mount -o remount,bind,ro /
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs -o mode=755 tmpfs /opt
mount -t tmpfs -o mode=755 tmpfs /var/lib
mount -t tmpfs -o mode=755 tmpfs /var/log
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
# What the packages of a cluster node create there.
mkdir -p /run/resource-agents /var/lib/mzadmin /var/lib/pacemaker/cores /var/lib/heartbeat /var/log/pacemaker \
    /var/log/crmsh "$kit/home"
chown 4711:4711 /var/lib/mzadmin 2>/dev/null || : # a normal user has one user number only
ip link set lo up

echo ready
# The other end is held by the test. When that ends, however it ends, so does this shell, and with it all that runs here.
while read -r _; do :; done
