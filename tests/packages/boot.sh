#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Boots a Debian base as a machine of its own with systemd as its first process: boot.sh BASE NAME. Run in namespaces of its own (mount,
# process, UTS, IPC; the network is the caller's); all that it makes goes with them, but for the control group NAME.
set -eu
base=$1 name=$2
if [ "${3:-}" = "" ]; then
	# The root of the machine's control groups: seen from inside there is nothing above it.
	mount --make-rprivate /
	mount -t cgroup2 cgroup2 /mnt
	mkdir -p "/mnt/$name"
	echo $$ >"/mnt/$name/cgroup.procs"
	exec unshare --cgroup sh "$0" "$base" "$name" inside
fi
umount /mnt
# What the machine writes is kept in memory, so that several share one base.
mount -t tmpfs -o mode=0755 tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o "lowerdir=$base,upperdir=/mnt/upper,workdir=/mnt/work" overlay /mnt/root
cd /mnt/root
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=0755 tmpfs run
mount -t tmpfs -o mode=0755 tmpfs dev
for node in null zero full random urandom tty net/tun; do
	mkdir -p "dev/$(dirname "$node")"
	touch "dev/$node"
	mount --bind "/dev/$node" "dev/$node"
done
mkdir dev/pts dev/shm .before
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
echo "$name" >etc/hostname
pivot_root . .before
umount -l /.before
exec env -i container=branchline-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=journal --show-status=no
