# wardpost: what a person types. Everything installs what it needs on Debian 12 (apt), Swift itself excepted.

SHELL := /bin/bash
CONFIGURATION ?= release
SWIFT_FLAGS := -c $(CONFIGURATION) --explicit-target-dependency-import-check error
# Tests look at internals, which takes a build of its own; it has a folder of its own, so that neither undoes the other.
# FAULT_DOOR lets them make calls on files fail.
TEST_FLAGS := $(SWIFT_FLAGS) --scratch-path .build-test -Xswiftc -enable-testing -Xswiftc -DFAULT_DOOR
BUILD_PACKAGES := libssl-dev libyaml-dev libcsv-dev libidn2-dev libmaxminddb-dev libgmime-3.0-dev libsqlite3-dev pkg-config openssl curl tzdata
TEST_PACKAGES := $(BUILD_PACKAGES) postfix dovecot-core openssh-client openssh-server openssh-sftp-server libreoffice-calc chromium \
	fonts-dejavu-core python3 python3-html5lib python3-venv python3-dkim python3-nacl libmail-dkim-perl sasl2-bin libsasl2-modules mmdb-bin strace wrk
# Mail servers and policy servers that the tests want as programs beside Postfix; as packages they exclude it and each other.
# OpenSMTPD of Debian 12 itself cannot do TLS with its OpenSSL 3.
PEER_PACKAGES := exim4-daemon-heavy opensmtpd/bookworm-backports postgrey greylistd
BENCH_PACKAGES := $(TEST_PACKAGES) nginx-light gcc
# Jobs at work while people steer them: what is obeyed within two seconds is not looked at beside a thousand other tests.
TIMED_TESTS := SteeringTests SteeringTimeTests StopAllTests SeamTests RunningRetryTests HaltTests TakeOverTests \
	SharedRouteTests

.PHONY: help build demo test soak fuzz bench format lint clean setup-build setup-test setup-bench

help: ## Lists what can be made.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: setup-build ## Builds the program: .build/release/wardpost.
	swift build $(SWIFT_FLAGS) --static-swift-stdlib --product wardpost

demo: build ## Runs the whole round on this machine, from nothing to signed results.
	.build/$(CONFIGURATION)/wardpost demo

test: setup-test lint ## Builds with every check, then runs all tests, those against real peers included.
	swift build $(TEST_FLAGS) --build-tests
	@.ci/tests $(TEST_FLAGS) --skip-build --disable-xctest --skip EndToEndTests --skip EngineTests $(foreach suite,$(TIMED_TESTS),--skip $(suite))
	@.ci/tests $(TEST_FLAGS) --skip-build --disable-xctest --filter EngineTests $(foreach suite,$(TIMED_TESTS),--skip $(suite))
	@.ci/tests $(TEST_FLAGS) --skip-build --disable-xctest $(foreach suite,$(TIMED_TESTS),--filter $(suite))
	@.ci/tests $(TEST_FLAGS) --skip-build --disable-xctest --filter EndToEndTests

soak: setup-test ## Interrupts runs in every way, RUNS=1000 times or for MINUTES=60, and prints what became of the rows.
	swift build $(TEST_FLAGS) --build-tests
	WARDPOST_SOAK_RUNS=$(if $(RUNS),$(RUNS),$(if $(MINUTES),1000000,1000)) $(if $(MINUTES),WARDPOST_SOAK_MINUTES=$(MINUTES)) \
		swift test $(TEST_FLAGS) --skip-build --disable-xctest --filter EndToEndTests.EndToEnd/Soak

fuzz: setup-build ## Gives what reads from outside to libFuzzer, for MINUTES=10 in all; READERS="bounce reply" for some of them.
	MINUTES=$(or $(MINUTES),10) Tests/Fuzz/run

bench: setup-bench build ## Measures each part beside its peers, in one run, as ratios.
	Benchmarks/run

format: ## Formats all Swift sources.
	swift format --in-place --parallel --recursive Package.swift Sources Tests

lint: ## Checks the format of all Swift sources.
	swift format lint --strict --parallel --recursive Package.swift Sources Tests

clean: ## Removes what was built.
	rm -rf .build .build-test .build-fuzz

setup-build:
	@.ci/packages $(BUILD_PACKAGES)

setup-test:
	@.ci/packages $(TEST_PACKAGES)
	@.ci/peers .build-test/peers $(PEER_PACKAGES)
	@.ci/python .build-test/schemathesis .ci/schemathesis.txt

setup-bench:
	@.ci/packages $(BENCH_PACKAGES)
