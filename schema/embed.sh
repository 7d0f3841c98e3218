#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Turns the migrations into C: schema/embed.sh OUT.c schema/sql/*.sql
#
#   NNNN_name.sql       migrations of the directory database  -> embedded_directory_sql[]
#   presence_NNNN*.sql  migrations of the presence database   -> embedded_presence_sql[]
#
# The numbers of each must be 1, 2, 3 ... without a gap: a migration is never renamed or taken out.
set -eu

[ $# -ge 2 ] || { echo "usage: $0 OUT.c FILE.sql..." >&2; exit 2; }
out=$1
shift

# Prints one array: name of the array, then its files in order.
emit() {
	array=$1
	shift
	expected=1
	echo
	echo "const struct embedded_sql $array[] = {"
	for file; do
		base=$(basename "$file" .sql)
		number=$(echo "${base#presence_}" | sed 's/^0*\([0-9]\{1,\}\).*/\1/')
		[ "$number" = "$expected" ] || { echo "$0: $file: number $expected is missing" >&2; exit 1; }
		expected=$((expected + 1))
		echo "	{ $number, \"$base\","
		sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/	/\\t/g' -e 's/^/	  "/' -e 's/$/\\n"/' "$file"
		echo "	},"
	done
	echo "	{ 0 }"
	echo "};"
}

directory=$(for f; do case $(basename "$f") in [0-9][0-9][0-9][0-9]_*.sql) echo "$f";; esac; done | LC_ALL=C sort)
presence=$(for f; do case $(basename "$f") in presence_[0-9][0-9][0-9][0-9]*.sql) echo "$f";; esac; done | LC_ALL=C sort)
[ "$(printf '%s\n' $directory $presence | wc -l)" -eq $# ] || { echo "$0: a file with a strange name among: $*" >&2; exit 1; }

{
	echo "/* Made by schema/embed.sh from schema/sql; do not edit. */"
	echo "#include \"hub/store/migrate.h\""
	emit embedded_directory_sql $directory
	emit embedded_presence_sql $presence
} >"$out.tmp"
mv "$out.tmp" "$out"
