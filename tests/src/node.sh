# Sets up the node and then keeps it alive: process 1 of a sandbox (see sandbox.rs).
# $1: directory with the sandbox's own files; $2: the new root directory, or /.
# The other arguments are programs as FILE=NAME. They appear as $1/bin/NAME, or as one of our agents
# if NAME is agent/x.
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
    # The machine's root stays here until everything needed is taken from it.
    machine=/mnt
    pivot_root . ".$machine"
    cd /
fi

mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p "$kit/bin" "$kit/resource.d/mediationzone"

# Programs come first, because they may be in a /tmp that is covered below.
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

# Other providers stay where the tools expect them; ours appears beside them.
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

# The node has its own names: those that the test writes into these files, and localhost. It never
# asks the machine's name server, or a service of the machine for users (libnss-systemd, SSSD).
printf '127.0.0.1 localhost\n' >"$kit/hosts"
: >"$kit/resolv.conf"
printf '%s: files\n' passwd group shadow hosts services protocols >"$kit/nsswitch.conf"
for file in hosts resolv.conf nsswitch.conf; do
    if [ -e "/etc/$file" ]; then mount --bind "$kit/$file" "/etc/$file"; fi
done

# From here on no process can change the machine's own disk.
mount -o remount,bind,ro /
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs -o mode=755 tmpfs /opt
mount -t tmpfs -o mode=755 tmpfs /var/lib
mount -t tmpfs -o mode=755 tmpfs /var/log
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
# The packages of a cluster node create these directories.
mkdir -p /run/resource-agents /var/lib/mzadmin /var/lib/pacemaker/cores /var/lib/heartbeat /var/log/pacemaker \
    /var/log/crmsh "$kit/home"
chown 4711:4711 /var/lib/mzadmin 2>/dev/null || : # a normal user has one user number only
ip link set lo up

echo ready
# The test holds the other end of the pipe. When the test ends, for any reason, this shell exits and
# the kernel kills all other processes here.
while read -r _; do :; done
