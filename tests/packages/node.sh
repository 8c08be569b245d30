# Process 1 of a node in which packages are installed.
#
# $1: a folder with a Debian; $2: the packages. The node's / is an overlay over the folder, in memory; /packages shows the packages.
# The node ends when the test closes the standard input.
set -euo pipefail
mount -t tmpfs node /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay node -o "lowerdir=$1,upperdir=/mnt/upper,workdir=/mnt/work" /mnt/root
cd /mnt/root
mkdir packages
mount --bind "$2" packages
mount -t proc proc proc
mount --bind /dev dev
mount -t tmpfs run run
ip link set lo up
exec chroot . /bin/bash -c 'echo ready; read -r _'
