#!/usr/bin/env bash
# Writes functions.h: the driver's functions that this package and cu call, as their objects name them. All but cuInit, which is
# library.c's own.
set -euo pipefail
cd "$(dirname "$0")"

cu=$(go list -export -tags cuda -f '{{.Export}}' gorgonia.org/cu)
driver=$(go list -export -tags cuda -f '{{.Export}}' .)
# In an archive of Go's there are also files that nm cannot read, which it says.
names() { nm --format=posix "$@" 2>/dev/null | grep -o '^cu[A-Z]\w*' | LC_ALL=C sort -u; }

called=$(comm -23 <(names --undefined-only "$cu" "$driver") <(names --defined-only "$cu"))
{
	echo "// Written by functions.sh: the driver's functions that are called here or in cu, by the names that the linker wants."
	sed 's/.*/FUNCTION(&)/' <<<"$called" | grep -v '(cuInit)'
} > functions.h.new
mv functions.h.new functions.h
