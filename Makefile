# tenantd. `make help` lists the targets.

VERSION := 0.1.0
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
SANITIZE ?=
comma := ,
BUILD := build$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))

CC ?= gcc
PKG_CFLAGS := $(shell pkg-config --cflags libcurl libpq yaml-0.1 jansson openssl libmicrohttpd libzstd expat 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs libcurl libpq yaml-0.1 jansson openssl libmicrohttpd libzstd expat 2>/dev/null) -lev -lcrypt -lm
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings \
            -Wvla -Wformat=2 -Wundef -Wcast-qual -Wimplicit-fallthrough -Wunused-result -Wno-missing-field-initializers
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu17 $(WARNINGS) $(CFLAGS) -D_GNU_SOURCE -DTENANTD_VERSION='"$(VERSION)"' -I. $(PKG_CFLAGS) -pthread \
             $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer)
ALL_LDFLAGS = $(LDFLAGS) -pthread $(if $(SANITIZE),-fsanitize=$(SANITIZE))

ROOMS := base specs clients store reconcilers controller api cli
SOURCES := $(sort $(foreach room,$(ROOMS),$(shell find $(room) -name '*.c')))
OBJECTS := $(SOURCES:%.c=$(BUILD)/obj/%.o)
LIBRARY := $(BUILD)/libtenantd.a
PROGRAMS := $(BUILD)/tenantd $(BUILD)/tenantctl

# A file tests/<room>/<name>_test.c becomes the program build/tests/<room>/<name>_test.
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(sort $(shell find tests -name '*_test.c' -not -path 'tests/e2e/*')))

.PHONY: all
all: $(PROGRAMS) ## build/tenantd and build/tenantctl

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(LIBRARY): $(OBJECTS)
	@rm -f $@
	@ar rcs $@ $(OBJECTS)

$(BUILD)/tenantd $(BUILD)/tenantctl: $(BUILD)/%: $(BUILD)/obj/%.o $(LIBRARY)
	@echo "  LD $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIBRARY) $(PKG_LIBS)

$(UNIT_TESTS): $(BUILD)/%: $(BUILD)/obj/%.o $(LIBRARY)
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(LIBRARY) -lcmocka $(PKG_LIBS)

# The simulated world (docs/simulation.md): its objects stand before the library, which then does not give its own of the same headers.
SIM_FAKES := $(patsubst %,$(BUILD)/obj/tests/sim/%.o,sim docker docker_things labels server store store_kept store_texts backup restore)
SIM_RUNS := $(patsubst %,$(BUILD)/obj/tests/sim/%.o,daemon run script scene acts oracle)
SIM_PROGRAMS := $(BUILD)/tests/sim/sim_test $(BUILD)/tests/sim/simulate
$(SIM_PROGRAMS): $(SIM_FAKES) $(SIM_RUNS)
$(filter %_sim_test,$(UNIT_TESTS)): $(SIM_FAKES)

# One contract per header, kept by the real neighbour and by the simulated one.
CONTRACTS := docker server store
$(foreach it,$(CONTRACTS),$(eval $(BUILD)/tests/contract/$(it)_real_test $(BUILD)/tests/contract/$(it)_sim_test: $(BUILD)/obj/tests/contract/$(it)_contract.o))

$(BUILD)/tests/bench/pass_bench: $(SIM_FAKES) $(BUILD)/obj/tests/sim/daemon.o
$(BUILD)/tests/sim/simulate $(BUILD)/tests/bench/pass_bench: $(BUILD)/%: $(BUILD)/obj/%.o $(LIBRARY)
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(LIBRARY) $(PKG_LIBS)

# A planted fault each (tests/sim/faults/*.patch): the changed copy of one file stands before the library, too. Made by the test that runs them.
$(BUILD)/faults/%/simulate: tests/sim/faults/%.patch $(BUILD)/obj/tests/sim/simulate.o $(SIM_FAKES) $(SIM_RUNS) $(LIBRARY)
	@tests/sim/plant.sh $< $(@D)
	@$(CC) $(ALL_CFLAGS) -Wno-error -c -o $(@D)/planted.o $(@D)/planted.c
	@$(CC) $(ALL_LDFLAGS) -o $@ $(@D)/planted.o $(filter %.o,$^) $(LIBRARY) $(PKG_LIBS)

.PHONY: simulate
simulate: $(BUILD)/tests/sim/simulate ## the simulated world, SEEDS of it (default 100000) from FROM on
	@$< --from $(or $(FROM),0) --seeds $(or $(SEEDS),100000)

.SECONDARY:
-include $(OBJECTS:.o=.d) $(PROGRAMS:$(BUILD)/%=$(BUILD)/obj/%.d) $(CRASHING_SOURCE:%.c=$(BUILD)/obj/%.d) $(UNIT_TESTS:$(BUILD)/%=$(BUILD)/obj/%.d) \
         $(SIM_FAKES:.o=.d) $(SIM_RUNS:.o=.d) $(CONTRACTS:%=$(BUILD)/obj/tests/contract/%_contract.d)

# Programs of the end-to-end tests: the daemon with its own main, and calls led through the program's __wrap_ functions.
CRASHING := $(BUILD)/tests/e2e/crashing_tenantd
CRASHING_SOURCE := tests/e2e/programs/crashing_tenantd.c
CRASHING_WRAPS := $(patsubst __wrap_%,-Wl$(comma)--wrap=%,$(sort $(shell grep -oE '__wrap_[a-z_]+' $(CRASHING_SOURCE))))
$(CRASHING): $(CRASHING_SOURCE:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/tenantd.o $(LIBRARY)
	@mkdir -p $(@D)
	@$(CC) $(ALL_LDFLAGS) $(CRASHING_WRAPS) -o $@ $^ $(PKG_LIBS)

# Decoders under libFuzzer: tests/fuzz/<name>_fuzz.c, seeds in tests/fuzz/seeds/<name>.
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(sort $(wildcard tests/fuzz/*_fuzz.c)))
FUZZ_OBJECTS := $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,$(filter base/% specs/% api/patch.c api/selector.c reconcilers/backup/manifest.c clients/s3/answers.c clients/s3/xml.c,$(SOURCES)))
FUZZ_CC := clang-14
FUZZ_CFLAGS := -std=gnu17 -O1 -g -D_GNU_SOURCE -DTENANTD_VERSION='"$(VERSION)"' -I. $(PKG_CFLAGS) -fno-omit-frame-pointer

$(BUILD)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	@$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -MMD -MP -c -o $@ $<

# The API's routes over the simulated world; without what makes threads and sockets, and without the real store and server.
FUZZ_ROUTES_LEFT_OUT := clients/postgres/% $(patsubst %,api/%.c,api certificate exchange health kubeconfig listener logs)
FUZZ_ROUTES := $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,$(filter-out $(FUZZ_ROUTES_LEFT_OUT),\
                 $(filter base/% specs/% clients/% reconcilers/% api/% store/identity.c,$(SOURCES))))
FUZZ_FAKES := $(SIM_FAKES:$(BUILD)/%=$(BUILD)/fuzz/%) $(BUILD)/fuzz/obj/tests/fuzz/request_world.o
$(BUILD)/fuzz/routes.a: $(FUZZ_ROUTES)
	@rm -f $@
	@ar rcs $@ $^
$(BUILD)/fuzz/request_fuzz: $(FUZZ_FAKES) $(BUILD)/fuzz/routes.a

$(filter-out %/request_fuzz,$(FUZZERS)): $(FUZZ_OBJECTS)
$(FUZZERS): $(BUILD)/fuzz/%: $(BUILD)/fuzz/obj/tests/fuzz/%.o
	@echo "  LD $@"
	@$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS) -pthread

-include $(sort $(FUZZ_OBJECTS:.o=.d) $(FUZZ_ROUTES:.o=.d) $(FUZZ_FAKES:.o=.d) $(FUZZERS:$(BUILD)/fuzz/%=$(BUILD)/fuzz/obj/tests/fuzz/%.d))

.PHONY: unit-tests fuzzers
unit-tests: $(UNIT_TESTS)
.PHONY: e2e-programs
e2e-programs: $(CRASHING)
fuzzers: $(FUZZERS)

# ---- what people call ----

.PHONY: packages
packages:
	@tools/packages.sh build run test

# The first make may run where pkg-config was missing when this file was read, hence the second make.
.PHONY: test
test: packages ## install what is needed, then all tests: unit, fuzz, end to end; with SANITIZE=... only unit
	@$(MAKE) --no-print-directory -j2 all unit-tests $(if $(SANITIZE),,fuzzers e2e-programs)
	@BUILD=$(BUILD) tests/run.sh $(if $(SANITIZE),unit)

.PHONY: utest
utest: all unit-tests ## the unit and in-process tests alone
	@BUILD=$(BUILD) tests/run.sh unit

.PHONY: e2e
e2e: all e2e-programs ## the end-to-end tests alone
	@tests/run.sh e2e

.PHONY: fuzz
fuzz: fuzzers ## the decoders under libFuzzer, FUZZ_SECONDS each (default 60)
	@FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60) tests/run.sh fuzz

.PHONY: bench
bench: packages ## the benchmarks, beside their peers; BENCH="name ..." for some
	@tools/packages.sh bench
	@$(MAKE) --no-print-directory -j2 all unit-tests
	@tests/bench/run.sh $(BENCH)

FORMATTED = $(shell git ls-files '*.c' '*.h')

.PHONY: format
format: ## lay out all C as .clang-format says
	@clang-format -i $(FORMATTED)

.PHONY: check
check: packages ## build without warnings, format, arrows, static analysis, generated files fresh
	@$(MAKE) --no-print-directory -j2 all unit-tests e2e-programs
	@clang-format --dry-run --Werror $(FORMATTED)
	@tools/arrows.sh
	@tools/sizes.sh
	@shellcheck -x --severity=warning --exclude=SC2120 $(shell git ls-files '*.sh' .ci/run)
	@cppcheck --quiet -j2 --error-exitcode=1 --inline-suppr --enable=warning,performance,portability \
	    --suppressions-list=tools/cppcheck.txt --std=c11 -D_GNU_SOURCE -DTENANTD_VERSION='"$(VERSION)"' \
	    '-Djson_object_foreach(object,key,value)=while(json_next(object,&key,&value))' \
	    -I. $(ROOMS) tenantd.c tenantctl.c
	@$(MAKE) --no-print-directory generated GENERATED=$(BUILD)/generated
	@diff -r $(BUILD)/generated docs/generated || { echo "docs/generated is stale: make generated"; exit 1; }
	@echo "check: all good"

GENERATED ?= docs/generated
.PHONY: generated
generated: all ## reference, example configuration, man pages and completion, printed from the tables
	@mkdir -p $(GENERATED)
	@$(BUILD)/tenantd print-reference >$(GENERATED)/reference.md
	@$(BUILD)/tenantd print-config-example >$(GENERATED)/tenantd.yaml
	@$(BUILD)/tenantd print-man >$(GENERATED)/tenantd.8
	@$(BUILD)/tenantctl print-man >$(GENERATED)/tenantctl.1
	@$(BUILD)/tenantctl completion bash >$(GENERATED)/tenantctl.bash

.PHONY: install
install: all ## binaries, systemd unit, examples, completion, man pages into $(DESTDIR)$(PREFIX)
	install -D -m 0755 -t $(DESTDIR)$(PREFIX)/bin $(PROGRAMS)
	install -D -m 0644 docs/generated/tenantd.8 $(DESTDIR)$(PREFIX)/share/man/man8/tenantd.8
	install -D -m 0644 docs/generated/tenantctl.1 $(DESTDIR)$(PREFIX)/share/man/man1/tenantctl.1
	install -D -m 0644 docs/generated/tenantctl.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/tenantctl
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/doc/tenantd README.md
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/doc/tenantd/docs docs/*.md
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/doc/tenantd/docs/generated docs/generated/reference.md docs/generated/tenantd.yaml
	install -d $(DESTDIR)$(PREFIX)/share/doc/tenantd/examples $(DESTDIR)$(PREFIX)/lib/systemd/system
	cp -R examples/apps examples/tenants $(DESTDIR)$(PREFIX)/share/doc/tenantd/examples/
	sed 's,@PREFIX@,$(PREFIX),g; s,@SYSCONFDIR@,$(SYSCONFDIR),g' examples/deploy/tenantd.service \
	    >$(DESTDIR)$(PREFIX)/lib/systemd/system/tenantd.service
	# It may come to hold passwords, and an administrator's own one stays.
	[ -e $(DESTDIR)$(SYSCONFDIR)/tenantd/tenantd.yaml ] || \
	    install -D -m 0600 docs/generated/tenantd.yaml $(DESTDIR)$(SYSCONFDIR)/tenantd/tenantd.yaml

.PHONY: demo demo-stop demo-clean
demo: ## everything from nothing: packages, build, Docker, a real Odoo under tenantd
	@tools/packages.sh build run
	@$(MAKE) --no-print-directory --silent -j$(shell nproc) all
	@tools/demo.sh start
demo-stop: ## end what the demo started, keep its data
	@tools/demo.sh stop
demo-clean: ## remove every trace of the demo
	@tools/demo.sh clean

.PHONY: clean
clean: ## remove what was built
	rm -rf build

.PHONY: help
help: ## this list
	@sed -nE 's/^([a-z0-9-]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 20
