#!/bin/bash
# The services of OpenStack in a running lab. People type `cargo xtask lab openstack`; tests call the
# Rust code beside this file.
#
#   up                      start Keystone, Placement, Glance, Neutron, Nova, Cinder; make a customer's
#                           project with a server for each node of the lab; print what it consists of
#   down                    end all of it; the nodes stay on
#   exec CLOUD COMMAND...   run a command there, as this user of clouds.yaml: mz, or admin
#   status                  each service's process, its memory, and its answer
#   signal NAME SIGNAL      KILL, TERM, STOP or CONT to a service; SLOW: until CONT, it runs for a tenth of
#                           the time only
#   start NAME              start a service that has ended
#
# The services have a network, a host name and mounts of their own, on the nodes' network as 10.99.0.2.
# They share the PID namespace of the lab: Nova's driver is the nodes' hypervisor, and the end of the
# lab is the end of the services. Their root is an overlay over OPENSTACK_ROOT. All that they write is
# in the lab's tmpfs.
set -u
here=$(dirname "$(realpath "$0")")
. "$here/live.sh"
: "${LAB_DIR:?}"
fs=$LAB_DIR/fs
cloud=$fs/openstack
files=/usr/lib/lab-openstack # seen by the services
ip=10.99.0.2
router=10.99.0.254
services="keystone placement glance neutron nova cinder"
declare -A port=([keystone]=5000 [placement]=8778 [glance]=9292 [neutron]=9696 [nova]=8774 [cinder]=8776)

die() { echo "$*" >&2; exit 1; }
is_service() { [ -n "${port[${1:-none}]:-}" ] || die "no service is called '${1:-}'; there are: $services"; }

# --- in the lab's namespaces

in_cloud() {
    enter "$cloud/pid" "${CLEAN[@]}" "$@"
    local code=$?
    [ $code != "$NOT_UP" ] || die "OpenStack is not up in $LAB_DIR"
    return $code
}

up() {
    local pid node
    gone "$cloud/pid" || die "OpenStack is already up in $LAB_DIR"
    rm -rf "$cloud" && mkdir -p "$cloud"/{disk,work,root} || exit 1
    setsid unshare --mount --uts --ipc --net "$here/cloud.sh" _main </dev/null >"$cloud/log" 2>&1 &
    disown
    until_ok 10 live_pid "$cloud/pid" && pid=$(live_pid "$cloud/pid") &&
        ip link add vcloud master br0 type veth peer name eth0 netns "$pid" && ip link set vcloud up &&
        until_ok 420 up_or_ended && in_cloud test -e /run/up || {
        cat "$cloud/log" >&2
        tail -n 5 "$cloud/disk/var/log/lab"/* >&2
        down
        die "OpenStack did not start"
    }
    cat "$cloud/log" >&2
    for node in $(cat "$fs/ctl/nodes"); do join "$node" || die "$node did not join"; done
    in_cloud cat /var/lib/lab/site
}
up_or_ended() { gone "$cloud/pid" || in_cloud test -e /run/up; }

# The node gets what cloud-init and DHCP give to a guest, also after each boot.
join() {
    in_cloud cat /etc/openstack/clouds.yaml | enter "$fs/$1/pid" "${CLEAN[@]}" sh -c '
        install -D -m 600 /dev/stdin /etc/openstack/clouds.yaml &&
        printf "#!/bin/sh\nip route replace default via '$router'\nip route replace 169.254.169.254 via '$ip'\n" >/etc/lab-boot &&
        chmod 755 /etc/lab-boot && /etc/lab-boot'
}

# All processes of the mount namespace: a command that was entered may still wait for a service.
down() {
    local node namespace
    [ -e "$cloud/namespace" ] || return 0
    read -r namespace <"$cloud/namespace"
    enter "$cloud/pid" nsenter --target 1 --net nft delete table bridge openstack 2>/dev/null
    until_ok 20 none_left "$namespace" || die "the processes of OpenStack do not end"
    rm -rf "$cloud"
    for node in $(cat "$fs/ctl/nodes"); do
        enter "$fs/$node/pid" sh -c 'rm -rf /etc/openstack /etc/lab-boot && ip route del 169.254.169.254; ip route del default' 2>/dev/null
    done
}
none_left() {
    local process found=no
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/ns/mnt")" = "$1" ] || continue
        found=yes
        kill -KILL "${process#/proc/}"
    done
    [ $found = no ]
}

# --- in those of the services

# Process 1 of a machine, as it were. `pid` appears when a command can enter.
main() {
    readlink /proc/self/ns/mnt >"$cloud/namespace"
    mount --make-rprivate / &&
        mount -t overlay -o "lowerdir=$OPENSTACK_ROOT,upperdir=$cloud/disk,workdir=$cloud/work" openstack "$cloud/root" &&
        cd "$cloud/root" && mkdir -p usr/lib/lab usr/lib/lab-openstack var/lib/lab var/log/lab &&
        mount -t proc proc proc && mount -t sysfs -o ro sysfs sys && mount --rbind /dev dev &&
        mount -t tmpfs -o mode=755 run run && mount -t tmpfs -o mode=1777 tmp tmp && mkdir run/lab run/kept .old &&
        mount --bind "$fs" run/lab && mount --bind "${OPENSTACK_ROOT%/*}" run/kept && mount --bind "$here" usr/lib/lab &&
        mount --bind "$LAB_DIR/openstack" usr/lib/lab-openstack && pivot_root . .old && cd / || exit 1
    write_pid "/.old$cloud/pid" $$
    umount -l /.old && rmdir /.old
    hostname openstack && ip link set lo up && until_ok 10 ip link show eth0 &&
        ip addr add $ip/24 dev eth0 && ip addr add 169.254.169.254/32 dev eth0 && ip link set eth0 up &&
        make_router || exit 1
    configure && make_databases && bring_up || exit 1
    touch /run/up
    while :; do wait; sleep 1; done # bash reaps orphans, too
}

# The router between the nodes' network and the one outside, where the namespace `outside` is a client of
# the customer. Its rules are those of Neutron's driver.
make_router() {
    ip addr add $router/24 dev eth0 && echo 1 >/proc/sys/net/ipv4/ip_forward && ip netns add outside &&
        ip link add public type veth peer name eth0 netns outside && ip addr add 203.0.113.1/24 dev public &&
        ip link set public up && ip -n outside link set lo up && ip -n outside addr add 203.0.113.2/24 dev eth0 &&
        ip -n outside link set eth0 up
}

began=${EPOCHREALTIME/./}
say() { printf '%6d ms  %s\n' $(((${EPOCHREALTIME/./} - began) / 1000)) "$*"; }

# Each service reads one file, in which the same credentials stand below several headings. It skips the
# headings that it does not know.
configure() {
    local file group
    mkdir -p /etc/lab /etc/openstack /var/lib/lab/{db,lock,keys,nova,cinder} /var/lib/lab/images/{staging,tasks} &&
        install -m 600 $files/etc/clouds.yaml /etc/openstack/ && cp $files/etc/*.ini $files/etc/*.conf /etc/lab/ || return 1
    for file in /etc/lab/*.conf; do
        for group in keystone_authtoken service_user placement neutron cinder nova; do
            { printf '\n[%s]\n' $group && cat $files/etc/credentials; } >>"$file"
        done
        printf '[keystone_authtoken]\nwww_authenticate_uri = http://%s:5000/v3\n' $ip >>"$file"
    done
}

# Empty databases and keys are always the same, and take half a minute of processor time. They are kept
# beside the root until it, their configuration or their recipe changes. Several labs may do this at once.
make_databases() {
    local kept new failed=/run/failed
    kept=$(cat /etc/made-of $files/etc/*.conf $files/service/init.py | sha256sum)
    kept=/run/kept/openstack-databases-${kept:0:16}.tar
    ! tar -C /var/lib/lab -xf "$kept" 2>/dev/null || return 0
    # Two at a time: a machine for tests has two processors.
    { run init nova && run init keystone || touch $failed; } &
    { run init cinder && run init glance && run init neutron && run init placement || touch $failed; } &
    wait
    [ ! -e $failed ] && new=$(mktemp /run/kept/new.XXXXXXXX) && tar -C /var/lib/lab -cf "$new" db keys &&
        rm -f /run/kept/openstack-databases-*.tar && mv "$new" "$kept" && say "databases are made"
}

bring_up() {
    local service
    serve keystone && came_up keystone && run catalog || return 1
    say "keystone answers"
    for service in placement glance neutron nova cinder; do serve $service; done
    for service in $services; do came_up $service || return 1; done
    say "all services answer"
    # shellcheck disable=SC2046 # one argument for each node
    python3 $files/service/seed.py $(cat /run/lab/ctl/nodes) >/var/lib/lab/site.new 2>>/var/log/lab/seed.out &&
        mv /var/lib/lab/site.new /var/lib/lab/site || return 1
    say "servers are up"
}

run() {
    local program=$1
    shift
    python3 "$files/service/$program.py" "$@" </dev/null >>"/var/log/lab/${1:-$program}.out" 2>&1
}
serve() {
    setsid python3 $files/service/serve.py "$1" </dev/null >>"/var/log/lab/$1.out" 2>&1 &
    write_pid "/run/$1.pid" $!
}
came_up() { until_ok 120 answers_or_ended "$1" && live_pid "/run/$1.pid" >/dev/null; }
answers_or_ended() { answers "$1" || gone "/run/$1.pid"; }
answers() { curl --silent --output /dev/null --max-time 5 "http://$ip:${port[$1]}/"; }

service_status() {
    local service pid line
    for service in $services; do
        if pid=$(live_pid "/run/$service.pid"); then
            line="pid $pid, $(awk '/^Pss:/ { print int($2 / 1024) " MiB" }' "/proc/$pid/smaps_rollup")"
            [[ $(<"/proc/$pid/stat") != *") T "* ]] || line+=", stopped by a signal"
            answers "$service" && line+=", answers" || line+=", does not answer"
        else
            line="not running"
        fi
        echo "$service: $line"
    done
}
signal() {
    local pid slow
    pid=$(live_pid "/run/$1.pid") || die "$1 is not running"
    ! slow=$(live_pid "/run/$1.slow") || kill -KILL "$slow"
    if [ "$2" = SLOW ]; then
        # shellcheck disable=SC2016 # its own argument
        setsid bash -c 'while kill -STOP "$1" && sleep 0.45 && kill -CONT "$1" && sleep 0.05; do :; done' slow "$pid" \
            </dev/null >/dev/null 2>&1 &
        write_pid "/run/$1.slow" $!
        return
    fi
    kill -s "$2" "$pid" || exit 1
    case $2 in KILL | TERM) until_ok 20 gone "/run/$1.pid" || die "$1 (pid $pid) does not end" ;; esac
}
start() {
    gone "/run/$1.pid" || die "$1 is already running"
    serve "$1" && came_up "$1" || die "$1 does not answer"
}

verb=${1:?}
shift
case $verb in
    _main) main ;;
    _status) service_status ;;
    _signal) signal "$@" ;;
    _start) start "$@" ;;
    _lab)
        verb=$1
        shift
        case $verb in
            up | down) $verb ;;
            exec)
                user=$1
                shift
                in_cloud OS_CLOUD="$user" "$@"
                ;;
            *) in_cloud LAB_DIR=/run/lab /usr/lib/lab/cloud.sh "_$verb" "$@" ;;
        esac
        ;;
    up | down | exec | status | signal | start)
        case $verb in signal | start) is_service "${1:-}" ;; esac
        enter "$LAB_DIR/pid" "${CLEAN[@]}" LAB_DIR="$LAB_DIR" OPENSTACK_ROOT="${OPENSTACK_ROOT:-}" "$here/cloud.sh" _lab "$verb" "$@"
        code=$?
        [ $code != "$NOT_UP" ] || die "no lab is up in $LAB_DIR"
        exit $code
        ;;
    *) die "$verb: not known to the OpenStack lab" ;;
esac
