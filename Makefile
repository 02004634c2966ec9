SWIFT ?= swift
# Suites of the inner loops: run once more for every instruction set.
KERNEL_TESTS ?= VectorKernelTests|TensorsTests|Dual|Fused|Float32
# Suites that the sanitizers watch: memory, threads and files.
SANITIZED_TESTS ?= VectorKernelTests|TensorsTests|DataFilesTests|Fused|Gram
SOURCES := Sources Tests Plugins Benchmarks Examples Package.swift

.DEFAULT_GOAL := help
.PHONY: help dependencies build mpi demo test test-mpi test-neon fuzz grids faults stores sanitize sanitize-sample benchmark benchmark-python tables mnist sizes million cliff workers accelerator accelerator-check gpu-check format lint client docs snippets wheel test-python python-docs clean

help: ## Print this list.
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1@\2/p' $(MAKEFILE_LIST) | awk -F@ '{ printf "%-18s %s\n", $$1, $$2 }'

dependencies: ## Install the system libraries that are missing.
	@Scripts/install-dependencies.sh

build: dependencies ## Build the library and the program.
	$(SWIFT) build -c release

mpi: dependencies ## Build the library and the program with MPI, ScaLAPACK and ELPA, in a folder of its own.
	@Scripts/install-mpi.sh
	$(SWIFT) build -c release --traits MPI --scratch-path .build-mpi

demo: dependencies ## Build the program and show what it does.
	$(SWIFT) build -c release --product neural-tangents
	"$$($(SWIFT) build -c release --show-bin-path)/neural-tangents" demo
	"$$($(SWIFT) build -c release --show-bin-path)/neural-tangents" demo --figure architectures
	"$$($(SWIFT) build -c release --show-bin-path)/neural-tangents" demo --figure pooled

test: dependencies ## Run all tests, those of the vector kernels for every instruction set of this machine.
	$(SWIFT) test -c release
	MEMORY=1 $(SWIFT) test -c release --skip-build --filter SliceMemory
	@Scripts/test-c.sh
	@set -e; for set in $$(Scripts/instruction-sets.sh); do \
	  echo "The tests of the vector kernels with NEURAL_TANGENTS_ISA=$$set"; \
	  NEURAL_TANGENTS_ISA=$$set $(SWIFT) test -c release --skip-build --filter '$(KERNEL_TESTS)'; \
	done

test-mpi: dependencies ## Test with MPI on 1, 2 and 4 processes of this machine, and with processes that are killed.
	@Scripts/install-mpi.sh
	@Scripts/test-mpi.sh

test-neon: ## Check the vector kernels for arm64 in an emulator.
	@Scripts/test-neon.sh

fuzz: dependencies ## Hold thousands of random networks, tensor programs and damaged files against what they must do.
	FUZZ=1 $(SWIFT) test -c release \
	  --filter 'FusedExecutor|FusedSlice|SliceLimit|ProgramFuzz|NetworkFuzz|NetworkMistake|LinearNetwork|ReaderFuzz|JSONReader|FunctionKernelFuzz'

faults: dependencies ## Ten thousand and more faults in every call that stores and solvers make of the system, and a minute of kills.
	FAULTS=1 $(SWIFT) test -c release --filter 'FaultTests|ClaimTests|GramCommandTests'

stores: dependencies ## Read stores with zarr and tensorstore of PyPI at every stage of a job; after a release build.
	@Scripts/test-stores.sh

grids: dependencies ## Compare every network of the grids with random finite ones of width 1024.
	GRIDS=1 $(SWIFT) test -c release --filter 'LayersGrid'

sanitize: dependencies ## Run the tests of the engine with the address and the thread sanitizer.
	LSAN_OPTIONS=suppressions=$(CURDIR)/Scripts/leaks.supp:print_suppressions=0 \
	  $(SWIFT) test -c release --sanitize=address --scratch-path .build-address --filter '$(SANITIZED_TESTS)'
	TSAN_OPTIONS=suppressions=$(CURDIR)/Scripts/races.supp:print_suppressions=0 \
	  $(SWIFT) test -c release --sanitize=thread --scratch-path .build-thread --filter '$(SANITIZED_TESTS)'

# What threads share, and what the loops in C read and write, at the price of a few minutes.
SAMPLED_TESTS ?= VectorKernelTests|ContractionTileTests|ThreadTests|DataFilesTests|GramStream|FusedImageTests/threads|SliceLimitTests/severalOutputs
SAMPLE := SANITIZE_SAMPLE=1 $(SWIFT) test -Xcc -O1 --filter '$(SAMPLED_TESTS)'

sanitize-sample: dependencies ## Run some of these tests with both sanitizers, in debug builds of libraries and tests only.
	LSAN_OPTIONS=suppressions=$(CURDIR)/Scripts/leaks.supp:print_suppressions=0 \
	  $(SAMPLE) --sanitize=address --scratch-path .build-address-sample
	TSAN_OPTIONS=suppressions=$(CURDIR)/Scripts/races.supp:print_suppressions=0 \
	  $(SAMPLE) --sanitize=thread --scratch-path .build-thread-sample

benchmark: dependencies ## Measure, and compare with the Python library where it can be installed.
	@Scripts/install-peer.sh
	Benchmarks/run.sh

benchmark-python: wheel ## Measure kernels and predictions from Python, beside this program and the Python library.
	@Scripts/install-peer.sh
	@PYTHON_ENVIRONMENTS=plain Scripts/test-python.sh --install-only
	$(SWIFT) build -c release --product benchmarks
	PEER_PYTHON=.venv-peer/bin/python WHEEL_PYTHON=.venv-python/plain/bin/python \
	  "$$($(SWIFT) build -c release --show-bin-path)/benchmarks" --python

tables: dependencies ## Hold predictions of real tables against scikit-learn's.
	@Benchmarks/tables/run.sh

MNIST ?= data/mnist
mnist: dependencies ## Predict all of MNIST exactly, from the four IDX files in the folder MNIST.
	$(SWIFT) build -c release --product benchmarks
	@Benchmarks/mnist/run.sh "$$($(SWIFT) build -c release --show-bin-path)/benchmarks" "$(MNIST)"

SIZES ?= 1000,2000,4000,8000,16000,32000,64000
sizes: dependencies ## Predict from ever more rows, beside the Python library until it stops; SIZES and PEER_MEMORY (GiB) as wanted.
	@Scripts/install-peer.sh
	$(SWIFT) build -c release --product benchmarks
	PEER_PYTHON="$${PEER_PYTHON:-$$([ ! -x .venv-peer/bin/python ] || echo .venv-peer/bin/python)}" \
	  "$$($(SWIFT) build -c release --show-bin-path)/benchmarks" --sizes $(SIZES) $(if $(PEER_MEMORY),--peer-memory $(PEER_MEMORY))

ROWS ?= 1000000
WIDTH ?= 2048
million: dependencies ## Learn from ROWS synthetic rows of 100 columns by random features of WIDTH; SKIP_BUILD=1 as for cliff.
	$(if $(SKIP_BUILD),,$(SWIFT) build -c release --product benchmarks)
	"$$($(SWIFT) build -c release --show-bin-path)/benchmarks" --features $(ROWS) --width $(WIDTH)

cliff: dependencies ## Check that no activation costs many times what Erf does; with SKIP_BUILD=1 by what the tests have built.
	$(if $(SKIP_BUILD),,$(SWIFT) build -c release --product benchmarks)
	"$$($(SWIFT) build -c release --show-bin-path)/benchmarks" --cliff

workers: dependencies ## Simulate workers that share a store, and check that the chosen tiles keep them busy; SKIP_BUILD=1 as above.
	$(if $(SKIP_BUILD),,$(SWIFT) build -c release --product benchmarks)
	"$$($(SWIFT) build -c release --show-bin-path)/benchmarks" --workers

DEVICE ?=
accelerator: ## Install the plugin that drives a kind of device: DEVICE=cpu, cuda12, cuda13 or tpu.
	@Scripts/install-accelerator.sh "$(DEVICE)"

accelerator-check: dependencies ## Compile what devices run for an H200, without one: launches, memory and instructions of kernels.
	$(if $(SKIP_BUILD),,$(SWIFT) build -c release --build-tests)
	@Scripts/accelerator-check.sh

GPU_FOLDER ?= .build-accelerator/gpu-check
gpu-check: dependencies ## Write what a machine with a card and without Swift needs to check and measure kernels, into GPU_FOLDER.
	@Scripts/gpu-check.sh prepare "$(GPU_FOLDER)"

client: dependencies ## Build and run a package that depends on this one.
	$(SWIFT) run -c release --package-path Examples/Client

docs: dependencies ## Build the documentation as a site, and check that it names every public symbol.
	@Scripts/docs.sh

wheel: dependencies ## Build the Python package, with everything it needs but NumPy, in Python/dist.
	@Scripts/build-wheel.sh $(WHEEL_FLAGS)

test-python: ## Test the Python package as users have it, in environments of its own; after `make wheel`.
	@Scripts/test-python.sh

python-docs: ## Build the pages of the Python package, in Python/docs/_build.
	@Scripts/python-docs.sh

snippets: dependencies ## Compile and run the code blocks of README and articles.
	$(SWIFT) test -c release --filter SnippetTests

format: ## Format all Swift files in place.
	$(SWIFT) format --in-place --recursive $(SOURCES)

lint: ## Check the format of all Swift files.
	$(SWIFT) format lint --strict --recursive $(SOURCES)

clean: ## Remove everything that was built.
	rm -rf .build .build-mpi .build-accelerator .build-address .build-thread .build-address-sample .build-thread-sample .build-neon Examples/Client/.build \
	  demo-output benchmark-output .venv-wheel .venv-python Python/dist Python/docs/_build \
	  Python/src/swift_neural_tangents/lib*
