# Boots systemd as process 1 of a node, and removes its control groups afterwards (see systemd.rs).
# $1: name of the control groups; $2: the node's process 1. The test holds the other end of stdin.
set -eu
groups=$1
node=$2
exec 3>&1 >&2

# The control groups of this shell, each with one of its own below; systemd sees no other. cpuset would need processors first.
made=''
while IFS=: read -r _ controllers path; do
    case $controllers in
        '') type=cgroup2 options=. ;;
        cpuset | freezer) continue ;;
        *) type=cgroup options=${controllers##*=} ;;
    esac
    mounted=$(awk -v type="$type" -v options="$options" '$3 == type && ("," $4 ",") ~ ("[,=]" options) { print $2; exit }' /proc/self/mounts)
    if [ -n "$mounted" ]; then made="$made $mounted${path%/}"; fi
done </proc/self/cgroup

remove() {
    for group in $made; do
        [ -d "$group/$groups" ] || continue
        while ! echo $$ >"$group/cgroup.procs"; do sleep 0.1; done
        # A killed process leaves its group only once it is reaped.
        for _ in $(seq 100); do
            find "$group/$groups" -depth -type d -exec rmdir {} + 2>/dev/null && break
            sleep 0.1
        done
    done
}
trap remove EXIT
for group in $made; do
    mkdir "$group/$groups"
    echo $$ >"$group/$groups/cgroup.procs"
done

setup='
set -eu
mount -t proc proc /proc
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
umount -R /sys/fs/cgroup
if [ "$(wc -l </proc/self/cgroup)" -gt 1 ]; then
    mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
    mkdir /sys/fs/cgroup/unified /sys/fs/cgroup/systemd
    mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
    mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
else
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
# systemd has only the units of the test: those of the machine would clear /tmp and set its sysctls.
export container=testkit SYSTEMD_UNIT_PATH=/run/testkit/units
exec /lib/systemd/systemd --unit=node.target --log-target=null --show-status=0 </dev/null
'
nsenter --target "$node" --mount --net --pid --ipc --uts -- \
    unshare --mount --pid --cgroup --fork --kill-child --propagation private bash -c "$setup" </dev/null &
nsenter=$!
echo $nsenter >&3
exec 3>&-
while read -r _; do :; done
# nsenter waits for unshare, with which systemd dies.
kill -KILL $(cat /proc/$nsenter/task/$nsenter/children) 2>/dev/null || :
{ wait; } 2>/dev/null || :
