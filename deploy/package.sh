#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds the Debian packages: package.sh OUT WEBUI_OUT. The sources are copied to OUT/source, so that the tree stays as it is;
# the packages are in OUT then. WEBUI_OUT holds the admin page that was built already (WEBUI=0 in the environment: without it).
# DEB_MAINTAINER in the environment: who builds them for others; without it an address that nobody has (branchline.invalid, RFC 2606).
set -eu
out=$1 page=$2
here=$(cd "$(dirname "$0")/.." && pwd)
version=$(cat "$here/VERSION")

rm -rf "$out"
mkdir -p "$out/source"
out=$(cd "$out" && pwd)
if git -C "$here" rev-parse --git-dir >/dev/null 2>&1; then
	git -C "$here" ls-files -z
else
	(cd "$here" && find . -type f ! -path './build*' -print0)
fi | (cd "$here" && tar -cf - --null --no-recursion -T -) | tar -xf - -C "$out/source"
cp -R "$out/source/deploy/debian" "$out/source/debian"
if [ "${WEBUI:-1}" != 0 ]; then
	mkdir "$out/source/webui-built"
	cp -Rp "$page/dist" "$out/source/webui-built/"
fi
cd "$out/source"
# Who answers for these packages, as Debian's policy wants it: "Name <address>".
if [ -n "${DEB_MAINTAINER:-}" ]; then
	case $DEB_MAINTAINER in
	*[!A-Za-z0-9\ .,@_+\<\>-]* | *@*@* | [!A-Za-z]*) ok= ;;
	*" <"?*@?*.?*">") ok=yes ;;
	*) ok= ;;
	esac
	[ "$ok" ] || {
		echo "DEB_MAINTAINER must be \"Name <address>\", in ASCII: $DEB_MAINTAINER" >&2
		exit 1
	}
	sed -i "s/^Maintainer: .*/Maintainer: $DEB_MAINTAINER/" debian/control
	sed -i "s/^ -- [^<]*<[^>]*>/ -- $DEB_MAINTAINER/" debian/changelog
fi
[ "$(dpkg-parsechangelog -S Version)" = "$version" ] || {
	echo "deploy/debian/changelog is not of version $version" >&2
	exit 1
}
# What a make above us has set (B, V, ...) is not for this build.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES B DESTDIR PREFIX
dpkg-buildpackage -b -uc -us -j2 >"$out/log" 2>&1 || {
	tail -n 60 "$out/log" >&2
	exit 1
}
cd "$out"
for package in *.deb; do
	echo "$package: $(stat -c %s "$package") bytes"
done
