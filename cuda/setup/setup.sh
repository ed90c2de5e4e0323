#!/usr/bin/env bash
# What a build with -tags cuda needs besides a C compiler, made once and whenever a pinned version changes:
#
#   .cuda/include/cuda.h  the driver's interface, of CUDA 12: an installed toolkit's, or else from a Python wheel
#   .cuda/gorgonia        the pinned Gorgonia, whose own tag cuda is renamed, for it needs cuDNN and panics without a card
#   .cuda/cu              the pinned gorgonia.org/cu, which finds that cuda.h, and is not linked with libcuda.so
#   go.work               lets the go command take the two copies in place of the modules
#   cuda/setup/done.h     says that all that has been made, to setup.go
#
# Git ignores all of it. Where nothing is to do, nothing is done. New copies are made beside the old and renamed.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=cuda/setup
export GOWORK=off

fail() { echo "cuda-setup: $*" >&2; exit 1; }

# version HEADER: the CUDA version that a cuda.h is of, such as 12040 for 12.4, or nothing if there is no such file.
version() { sed -n 's/^#define CUDA_VERSION \([0-9]*\).*/\1/p' "$1" 2>/dev/null || true; }

# toolkit_header: the cuda.h of an installed toolkit 12, or nothing. Later ones lack functions that cu calls.
toolkit_header() {
	local root nvcc
	nvcc=$(command -v nvcc || true)
	for root in "${CUDA_HOME:-}" "${CUDA_PATH:-}" "${nvcc%/bin/nvcc}" /usr/local/cuda /usr/local/cuda-12*; do
		case $(version "$root/include/cuda.h") in 12???) echo "$root/include/cuda.h"; return ;; esac
	done
}

# wheel_header FOLDER: puts the wheel's cuda.h there. Headers are the same on all systems, so any system's wheel will do.
wheel_header() {
	python3 -m pip --version >/dev/null 2>&1 ||
		fail "there is no CUDA 12 toolkit here (CUDA_HOME names it), and no Python with pip to download its cuda.h"
	python3 -m pip download --quiet --no-deps --only-binary :all: --platform manylinux1_x86_64 \
		--require-hashes -r $here/requirements.txt -d "$1/wheel"
	python3 -m zipfile -e "$1"/wheel/*.whl "$1/wheel"
	cp "$1"/wheel/nvidia/cuda_runtime/include/cuda.h "$1"
	rm -r "$1/wheel"
}

# copy MODULE FOLDER: copies a module's sources, without its tests, pictures and examples.
copy() {
	local from
	go mod download "$1"
	from=$(go list -m -f '{{.Dir}}' "$1")
	mkdir "$2"
	(
		cd "$from"
		find . -type f \( -name '*.go' -o -name '*.[chs]' -o -name 'go.*' -o -name LICENSE \) \
			! -name '*_test.go' ! -path './examples/*' -print0 | tar -c --null -T - --mode u+w
	) | tar -x -C "$2"
}

# workspace: go.work's text.
workspace() {
	cat <<END
// Made by make cuda-setup.
go $(go list -m -f '{{.GoVersion}}')

use .

replace (
	gorgonia.org/cu => ./.cuda/cu
	gorgonia.org/gorgonia => ./.cuda/gorgonia
)
END
}

if [ -e go.work ] && ! grep -q '^// Made by make cuda-setup' go.work; then
	fail "go.work is not from here: move it away, or add to it what $here/setup.sh would write"
fi

header=$(toolkit_header)
wanted=$(go list -m gorgonia.org/gorgonia gorgonia.org/cu; cksum $here/setup.sh $here/requirements.txt ${header:+"$header"})
made=$(cat .cuda/made-from 2>/dev/null || true)
if [ -e $here/done.h ] && [ "$made" = "$wanted" ] && [ "$(cat go.work 2>/dev/null)" = "$(workspace)" ]; then
	exit 0
fi
rm -f $here/done.h

new=$(mktemp -d .cuda-XXXXXX)
trap 'rm -rf "$new"' EXIT

mkdir "$new/include"
if [ -n "$header" ]; then cp "$header" "$new/include"; else wheel_header "$new/include"; fi
copy gorgonia.org/gorgonia "$new/gorgonia"
grep -rlE '^// ?(\+build|go:build).*\bcuda\b' --include '*.go' "$new/gorgonia" |
	xargs sed -i -E '/^\/\/ ?(\+build|go:build)/ s/\bcuda\b/gorgonia_cuda/g'
copy gorgonia.org/cu "$new/cu"
cat > "$new/cu/cgoflags.go" <<'END'
package cu

// Made by make cuda-setup: no -lcuda, and one cuda.h.

// #cgo CFLAGS: -I${SRCDIR}/../include
import "C"
END
workspace > "$new/go.work"
echo "$wanted" > "$new/made-from"

chmod 755 "$new"
rm -rf .cuda
mv "$new" .cuda
mv .cuda/go.work go.work
echo "// Made by setup.sh when all else was." > $here/done.h
v=$(version .cuda/include/cuda.h)
echo "cuda-setup: made .cuda and go.work, with the cuda.h of CUDA $((v / 1000)).$((v % 1000 / 10)) from ${header:-a Python wheel}"
