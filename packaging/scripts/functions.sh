# What the scripts of the packages have in common; /bin/sh. The package's own script, for dpkg or for rpm, follows below it.
#
# Pacemaker must never execute an agent that can't run here: it would report 1 or 5 for a probe, and such an answer restarts a healthy
# Platform on another node. So the package unpacks the agents into $staged. Only when each has run from the folder of the agents are
# they renamed over the old ones.
#
# Nothing here starts, stops, restarts or enables anything.
package=resource-agents-mediationzone
staged=/usr/lib/resource-agents-mediationzone
folder=/usr/lib/ocf/resource.d/mediationzone
agents='platform ec sc ui'
forced=/run/mediationzone-ra.force-removal
space=32768

say() { printf '%s: %s\n' "$package" "$*" >&2; }

fail() {
    say "$*"
    exit 1
}

# Before anything is unpacked: what can be known without running the new agents.
check_node() {
    machine=$(uname -m)
    [ "$machine" = @MACHINE@ ] ||
        fail "refused: the agents are for @MACHINE@ (this node is $machine); use a package for $machine"
    libc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || libc=
    case $libc in
    'glibc '[0-9]*.[0-9]*) ;;
    *) fail "refused: no GNU C library found (getconf GNU_LIBC_VERSION: '$libc'); build the agents on this system" ;;
    esac
    version=${libc#glibc }
    minor=${version#*.}
    minor=${minor%%[!0-9]*}
    [ "${version%%.*}" -gt @GLIBC_MAJOR@ ] || { [ "${version%%.*}" -eq @GLIBC_MAJOR@ ] && [ "$minor" -ge @GLIBC_MINOR@ ]; } ||
        fail "refused: the agents need glibc @GLIBC_MAJOR@.@GLIBC_MINOR@ or newer (this node has $version);" \
            'upgrade the system, or build the agents on it'
    # Of a read-only file system, too, which root may write otherwise.
    [ -w /usr/lib ] ||
        fail 'refused: /usr/lib cannot be written (mounted read-only?); mount -o remount,rw /usr, then install again;' \
            'where updates are transactional, install it by transactional-update or rpm-ostree'
    # Old agents, new ones, and those that are kept.
    available=$(df -Pk /usr/lib 2>/dev/null | sed -n '2s/.* \([0-9]*\)  *[0-9]*% .*/\1/p')
    [ "${available:-$space}" -ge "$space" ] ||
        fail "refused: /usr/lib has $available KiB free, the installation needs $space; free some space, then install again"
}

drop_new() {
    for agent in $agents; do rm -f "$folder/.$agent.new"; done
}

# The agents in $folder go on working until all new ones have run, and when this fails.
install_agents() {
    trap drop_new EXIT
    mkdir -p "$folder" || fail "failed: cannot make $folder; the agents are not installed"
    for agent in $agents; do
        new=$folder/.$agent.new
        # A file that is renamed must be on the disk first: after a power cut it would be empty.
        { rm -f "$new" && cp "$staged/$agent" "$new" && chmod 0755 "$new" && sync "$new"; } ||
            fail "failed: cannot write $new; the old agents stay; free some space or remount, then install again"
        if command -v restorecon >/dev/null 2>&1; then restorecon "$new" || true; fi
        reason=$("$new" meta-data 2>&1 >/dev/null) ||
            fail "failed: the new $agent does not run on this node ($reason); the old agents stay; install the version before again"
    done
    for agent in $agents; do keep_other "$agent"; done
    for agent in $agents; do
        mv -fT "$folder/.$agent.new" "$folder/$agent" ||
            fail "failed: cannot rename $folder/.$agent.new to $agent; look at $folder, then install again"
    done
    command -v pacemakerd >/dev/null 2>&1 || command -v pacemaker-remoted >/dev/null 2>&1 ||
        say 'no Pacemaker found on this node: install pacemaker, or pacemaker-remote on a remote node'
}

# Not in the folder of the agents: crm lists each executable there as an agent.
keep_other() {
    [ -e "$folder/$1" ] || return 0
    [ "$(sha256sum <"$folder/$1")" != "$(sha256sum <"$folder/.$1.new")" ] || return 0
    cp -p "$folder/$1" "$staged/$1.old" || fail "failed: cannot keep the old $1 as $staged/$1.old; free some space, then install again"
}

# What systemd reads: the drop-ins take effect without a restart.
reload_systemd() {
    [ -d /run/systemd/system ] || return 0
    systemctl --system daemon-reload || true
}

cluster_xml() { timeout 20 cibadmin --query --local 2>/dev/null || cat /var/lib/pacemaker/cib/cib.xml 2>/dev/null; }

# The resources of these agents that Pacemaker has active on this node.
active_resources() {
    node=$(timeout 20 crm_node --name 2>/dev/null) || return 1
    status=$(timeout 20 crm_mon --one-shot --output-as=xml 2>/dev/null) || return 1
    # The nodes of an active resource are elements inside of its own.
    printf '%s\n' "$status" | sed -n \
        -e '/<resource .*[^/]>$/h' \
        -e '/<\/resource>/{s/.*//;h;}' \
        -e "/<node name=\"$node\"/{x;s/.*<resource id=\"\([^\"]*\)\".*resource_agent=\"ocf::*mediationzone:.*/\1/p;x;}"
}

# Pacemaker can't stop a resource whose agent is gone: it fences the node.
check_removal() {
    [ -z "${MEDIATIONZONE_RA_FORCE_REMOVAL:-}" ] && [ ! -e "$forced" ] || return 0
    if active=$(active_resources); then
        where='Pacemaker runs them on this node'
    else
        # The cluster does not run here. A pico that the agents started is in their records.
        active=$(for record in /run/mediationzone-ra/*.json; do [ ! -e "$record" ] || basename "$record" .json; done)
        where='/run/mediationzone-ra has their records, and the cluster does not answer'
    fi
    active=$(printf '%s' "$active" | tr '\n' ' ')
    [ -z "$active" ] ||
        fail "refused: resources need these agents: ${active% } ($where); stop and delete them first, or put the node into standby;" \
            "to remove the agents nevertheless: touch $forced, or set MEDIATIONZONE_RA_FORCE_REMOVAL=1"
    case $(cluster_xml) in
    *'provider="mediationzone"'*)
        say 'warning: the configuration of the cluster names these agents; a probe on this node will find none,' \
            'and the resources cannot run here; delete them first, or install the package again'
        ;;
    esac
}

remove_agents() {
    for agent in $agents; do rm -f "$folder/$agent"; done
    drop_new
}

remove_old() {
    for agent in $agents; do rm -f "$staged/$agent.old"; done
    rmdir "$staged" 2>/dev/null || true
}
