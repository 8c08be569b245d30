#!/bin/bash
# Process 1 of a node of the lab. $1: its name.
#
# The node's / is an overlay. Its lower layer is LAB_ROOT: the machine's own /, or a folder with
# another Debian. Its upper layer is a directory of the lab's tmpfs. So the node has the packages of
# LAB_ROOT. Only the node sees its writes, which survive its reboots and are gone with the lab.
# /run, /tmp and /dev are new at each boot; all nodes share the directory /srv. /etc/hosts is its
# own.
set -u
. "${0%/*}/live.sh"
name=$1
here=$LAB_DIR/fs/$name
root=$here/root
read -r outside _ </proc/self/stat # our number as the lab sees it

hostname "$name"
mount --make-rprivate / &&
    mount -t overlay -o "lowerdir=$LAB_ROOT,upperdir=$here/disk,workdir=$here/work" "$name" "$root" &&
    mount -t tmpfs -o mode=755 run "$root/run" &&
    mount -t tmpfs -o mode=1777 tmp "$root/tmp" &&
    mount -t sysfs -o ro sysfs "$root/sys" &&
    mount -t tmpfs -o mode=755 dev "$root/dev" &&
    mkdir "$root/dev/shm" "$root/dev/pts" "$root/run/lab" &&
    mount -t tmpfs -o mode=1777 shm "$root/dev/shm" &&
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts" &&
    mount --bind "$LAB_DIR/fs/ctl" "$root/run/lab" &&
    mount --bind "$LAB_DIR/fs/shared" "$root/srv" || exit 1
while read -r device major minor; do
    mknod -m 666 "$root/dev/$device" c "$major" "$minor"
done <<END
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
fuse 10 229
END
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for number in 0:stdin 1:stdout 2:stderr; do ln -s "fd/${number%:*}" "$root/dev/${number#*:}"; done
# A service manager's tmpfiles would create these in /run.
mkdir -m 1777 "$root/run/lock" && mkdir -m 1755 "$root/run/resource-agents" "$root/run/fence-agents"

while IFS=: read -r shown at; do
    [ -n "$shown" ] || continue
    mkdir -p "$root$at"
    mount --rbind "$shown" "$root$at" && mount -o remount,bind,ro "$root$at" || exit 1
done <"$LAB_DIR/fs/binds"
# The first boot is part of `up`; each later boot takes LAB_BOOT_DELAY.
first=no
[ -e "$here/booted" ] || { touch "$here/booted" && first=yes LAB_BOOT_DELAY=0; }
write_pid "$here/on" "$outside"

cd "$root" && mkdir -p .old && pivot_root . .old && cd / && mount -t proc proc /proc || exit 1
# A Pacemaker that panics writes there, and the kernel is the machine's.
[ ! -e /proc/sysrq-trigger ] || mount --bind /dev/null /proc/sysrq-trigger
# Of the kernel's settings the node may change only those of its own network.
mount --bind /proc/sys /proc/sys && mount --bind /proc/sys/net /proc/sys/net &&
    mount -o remount,bind,ro /proc/sys || exit 1
# From now on a command can enter the node. An earlier one would see the lab's root.
cp "/.old$here/on" "/.old$here/pid.new" && mv "/.old$here/pid.new" "/.old$here/pid" || exit 1
umount -l /.old && rmdir /.old

# With this first CIB a DC is elected in less than the default dc-deadtime of 20 s.
first_cib() {
    install -d -m 750 -o hacluster -g haclient /var/lib/pacemaker/cib &&
        cibadmin --empty | sed "s|<crm_config/>|<crm_config><cluster_property_set id='cib-bootstrap-options'>\
<nvpair id='dc-deadtime' name='dc-deadtime' value='2s'/></cluster_property_set></crm_config>|" |
        install -m 600 -o hacluster -g haclient /dev/stdin /var/lib/pacemaker/cib/cib.xml
}
if [ $first = yes ]; then
    first_cib || exit 1
    # ocf:heartbeat:Filesystem requires a modprobe. The kernel is the machine's, so there is nothing
    # to load.
    command -v modprobe >/dev/null || ln -s /bin/true /usr/sbin/modprobe
    # Debian's installer makes it. Without it Filesystem of Debian 12 can't find a bind mount.
    [ -e /etc/mtab ] || ln -s ../proc/self/mounts /etc/mtab
fi

ip link set lo up
until_ok 10 ip link show eth0 || exit 1
ip addr add "10.99.0.1${name#n}/24" dev eth0 && ip link set eth0 up || exit 1
# What the surroundings of the node add to each boot.
[ ! -x /etc/lab-boot ] || /etc/lab-boot
echo "$(date +%T.%3N) $name booted"
[ "$LAB_STACK" = no ] || { sleep "$LAB_BOOT_DELAY" && systemctl start pacemaker; }
while :; do wait; sleep 1; done # bash reaps orphans, too
