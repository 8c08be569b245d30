#!/bin/bash
# Makes the root of a node: a folder with a minimal Debian and packages.
#
# $1: the folder; $2: the path of the recipe file in it; $3: the recipe; $4: the release's code
# name; $5: the mirror; the rest: packages.
#
# It runs in namespaces of its own. So neither the services and mounts of a package nor leftovers of
# a killed run affect the machine. The folder gets its name when it is complete; an incomplete one
# is made again.
set -euo pipefail
folder=$1 made_of=$2 recipe=$3 release=$4 mirror=$5
shift 5
new=$folder.new
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Two concurrent runs would make the same folder; the second one finds it complete.
exec 9<"${folder%/*}"
flock 9
if [ -f "$folder/$made_of" ] && [ "$(head -n 1 "$folder/$made_of")" = "$recipe" ]; then exit 0; fi
rm -rf --one-file-system "$new"
debootstrap --variant=minbase --keyring="$keyring" "$release" "$new" "$mirror"

# Debian asks this program whether a package may start its services. Without it the last step of pcs
# fails, because there is no service manager.
printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
chmod 755 "$new/usr/sbin/policy-rc.d"
# Names and proxies for the mirror are the machine's.
cat /etc/resolv.conf >"$new/etc/resolv.conf"
apt-config dump Acquire::http Acquire::https >"$new/etc/apt/apt.conf.d/00machine"
mountpoint -q "$new/proc" || mount -t proc proc "$new/proc"
apt() { chroot "$new" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get --quiet "$@"; }
apt update
apt install --yes --no-install-recommends --option DPkg::Options::=--force-unsafe-io "$@"
apt clean
umount "$new/proc"
rm -rf "$new"/var/lib/apt/lists/* "$new/usr/sbin/policy-rc.d" "$new/etc/apt/apt.conf.d/00machine" "$new/etc/resolv.conf"

{
    echo "$recipe"
    date --utc +'made %F %T UTC'
    # shellcheck disable=SC2016 # dpkg's own notation
    chroot "$new" dpkg-query --show --showformat '${Package} ${Version}\n' "$@"
} >"$new/$made_of"
rm -rf --one-file-system "$folder"
mv "$new" "$folder"
