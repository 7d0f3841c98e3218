#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs the Debian packages that building, the demonstration and the tests need, and the user that the workers run as.
# Does nothing when all is there. Not as root: names what is missing and fails.
set -eu

build="gcc make pkg-config libc6-dev libssl-dev libsqlite3-dev libmicrohttpd-dev libjansson-dev libmnl-dev
	libcap-dev libseccomp-dev zlib1g-dev liblzo2-dev libcurl4-openssl-dev python3 python3-yaml"
# For the admin page. A node with its own npm that is there already, wherever it came from, is good enough.
command -v node >/dev/null && command -v npm >/dev/null || build="$build nodejs npm"
tests="clang clang-format universal-ctags libcmocka-dev python3-pytest python3-pytest-xdist python3-jsonschema python3-cryptography iproute2 iputils-ping nftables ethtool tcpdump
	curl openssl sqlite3 chromium fonts-dejavu-core conntrack procps mandoc bind9-dnsutils dnsmasq-base iperf3 postgresql postgresql-client wireguard-go wireguard-tools zsh systemd libcap2-bin"
# Exists for x86-64 only, and is optional: without it packets are sealed by OpenSSL alone.
if [ "$(uname -m)" = x86_64 ]; then
	build="$build libipsec-mb-dev"
fi

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# `sh deploy/deps.sh bench`: also the tunnels that `make bench` compares with; it goes without those that are not to be had.
if [ "${1:-}" = bench ]; then
	for p in tinc openvpn fastd nebula; do
		installed "$p" || apt-cache policy "$p" | grep -q 'Candidate: [^(]' || [ "$(id -u)" -ne 0 ] || apt-get update -qq
		if apt-cache policy "$p" | grep -q 'Candidate: [^(]'; then tests="$tests $p"; else echo "not to be had: $p"; fi
	done
fi

# `sh deploy/deps.sh packages`: also what builds and checks Debian packages.
if [ "${1:-}" = packages ]; then
	tests="$tests debhelper lintian debootstrap ansible-lint shellcheck logrotate"
fi

missing=
for p in $build $tests; do
	installed "$p" || missing="$missing $p"
done
user=
getent passwd branchline >/dev/null || user=yes

if [ -z "$missing$user" ]; then
	exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
	[ -z "$missing" ] || echo "missing packages:$missing" >&2
	[ -z "$user" ] || echo "missing user: branchline (useradd --system --no-create-home --shell /usr/sbin/nologin branchline)" >&2
	echo "run this as root, or install them by hand" >&2
	exit 1
fi
if [ -n "$missing" ]; then
	echo "installing:$missing"
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	# The PostgreSQL server of the tests is started by them; Debian's own cluster is not wanted.
	mkdir -p /etc/postgresql-common/createcluster.d
	[ -e /etc/postgresql-common/createcluster.d/branchline.conf ] ||
		echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/branchline.conf
	# shellcheck disable=SC2086 # a list of words
	apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
if [ -n "$user" ]; then
	useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin --user-group branchline
fi
