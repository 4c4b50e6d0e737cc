# binnacle - operator's console for Docker hosts with Consul, nginx and Calico
#
# `make help` lists the targets. CFLAGS and LDFLAGS are the builder's; what the code needs
# stands in BN_CFLAGS. SAN=1 builds a second variant under AddressSanitizer and UBSan,
# WERROR= builds a release that tolerates the warnings of compilers we have not met.

PREFIX ?= /usr/local
CC ?= cc
CFLAGS ?= $(if $(SAN),-O1,-O2) -g
WERROR ?= -Werror
PKG_CONFIG ?= pkg-config
VERSION := 0.1.0
# V=1 shows the commands.
Q := $(if $(V),,@)

LIBS := ncursesw libcurl libcjson libpcre2-8 yaml-0.1 libcrypto
ifeq ($(SAN),1)
VARIANT := build/san
SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
PROGRAM := build/san/binnacle
else
VARIANT := build/release
SAN_FLAGS :=
PROGRAM := build/binnacle
endif

# The libraries are asked for only when something is compiled: `make deps` must work before
# pkg-config exists.
BN_CFLAGS = -std=c11 -D_GNU_SOURCE -DBINNACLE_VERSION='"$(VERSION)"' \
	-DBINNACLE_DATADIR='"$(PREFIX)/share/binnacle"' -Iinclude \
	-Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes $(WERROR) \
	$(SAN_FLAGS) $(LIB_CFLAGS)
LIB_CFLAGS = $(eval LIB_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(LIBS)))$(LIB_CFLAGS)
LIB_LIBS = $(eval LIB_LIBS := $(shell $(PKG_CONFIG) --libs $(LIBS)) -lm)$(LIB_LIBS)
CMOCKA_LIBS = $(eval CMOCKA_LIBS := $(shell $(PKG_CONFIG) --libs cmocka))$(CMOCKA_LIBS)

SOURCES := $(wildcard src/*/*.c)
OBJECTS := $(SOURCES:src/%.c=$(VARIANT)/%.o)
# Everything but main() is one archive, which the tests and fuzz targets link.
MAIN_OBJECT := $(VARIANT)/app/main.o
LIBRARY := $(VARIANT)/libbinnacle.a
TESTS := $(patsubst tests/%.c,$(VARIANT)/tests/%,$(wildcard tests/*/test_*.c))
SUPPORT := $(patsubst tests/%.c,$(VARIANT)/tests/%.o,$(wildcard tests/support/*.c))

.PHONY: all
all: $(PROGRAM) ## build the program

$(PROGRAM): $(MAIN_OBJECT) $(LIBRARY)
	@echo '  LD  $@'
	$(Q)$(CC) $(SAN_FLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(MAIN_OBJECT) $(LIBRARY) $(LIB_LIBS)

$(LIBRARY): $(filter-out $(MAIN_OBJECT),$(OBJECTS))
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(VARIANT)/%.o: src/%.c
	@mkdir -p $(@D)
	@echo '  CC  $<'
	$(Q)$(CC) $(BN_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(VARIANT)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	@echo '  CC  $<'
	$(Q)$(CC) $(BN_CFLAGS) -Itests $(CFLAGS) -MMD -MP -c -o $@ $<

$(VARIANT)/tests/%: $(VARIANT)/tests/%.o $(SUPPORT) $(LIBRARY)
	@echo '  LD  $@'
	$(Q)$(CC) $(SAN_FLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(CMOCKA_LIBS) $(LIB_LIBS)

.SECONDARY:

.PHONY: check-unit
check-unit: $(TESTS) ## build and run the unit tests alone
	@sh tests/run-unit.sh $(TESTS)

# Benchmarks are ratios to a baseline of the same run (tests/bench/README.md), no part of check.
BENCH := $(patsubst tests/%.c,$(VARIANT)/tests/%,$(wildcard tests/bench/bench_*.c))
BENCH_SUPPORT := $(patsubst %,$(VARIANT)/tests/bench/%.o,bench relay world) \
	$(VARIANT)/tests/support/real_etcd.o
$(BENCH): %: %.o $(BENCH_SUPPORT) $(LIBRARY)
	@echo '  LD  $@'
	$(Q)$(CC) $(SAN_FLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIB_LIBS)

.PHONY: bench
bench: $(PROGRAM) $(BENCH) ## measure against baselines of the same run
	@rows= failed=0; for b in $(BENCH); do BINNACLE=$(PROGRAM) $$b $$rows || failed=1; \
		rows=--rows; done; exit $$failed

# The lab's stand-in for Calico's Docker plugin: a program of its own, no part of binnacle.
LAB_PLUGIN := build/calico-plugin
LAB_PLUGIN_SOURCES := $(wildcard tests/lab/calico-plugin*.c)

$(LAB_PLUGIN): $(LAB_PLUGIN_SOURCES) tests/lab/calico-plugin.h
	@mkdir -p $(@D)
	@echo '  LD  $@'
	$(Q)$(CC) $(BN_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(LAB_PLUGIN_SOURCES) $(LIB_LIBS)

# Fuzz targets need clang; each runs for FUZZ_SECONDS over an empty corpus.
FUZZ_SECONDS ?= 20
FUZZ := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_OBJECTS := $(patsubst src/%.c,build/fuzz/src/%.o,$(filter-out src/app/main.c,$(SOURCES)))
build/fuzz/src/%.o: src/%.c
	@mkdir -p $(@D)
	$(Q)clang $(BN_CFLAGS) -O1 -g -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<

build/fuzz/libbinnacle.a: $(FUZZ_OBJECTS)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

build/fuzz/%: tests/fuzz/%.c build/fuzz/libbinnacle.a
	@echo '  FUZZ $@'
	$(Q)clang $(BN_CFLAGS) -O1 -g -fsanitize=fuzzer,address,undefined -o $@ $^ $(LIB_LIBS)

.PHONY: fuzz
fuzz: $(FUZZ) ## run each fuzz target for FUZZ_SECONDS (needs clang)
	@for f in $(FUZZ); do echo "$$f"; \
		$$f -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -print_final_stats=0 \
			-artifact_prefix=build/fuzz/ 2>build/fuzz/log || { cat build/fuzz/log; exit 1; }; \
	done

.PHONY: deps
deps: ## install what is missing (Debian packages, and consul for the lab)
	@sh tests/deps.sh

.PHONY: check
check: ## set up, build, run every test, the ones on the real lab included
	@sh tests/deps.sh check
	@$(MAKE) -s -j$$(nproc) all $(LAB_PLUGIN)
	@MAKE="$(MAKE)" bash tests/check.sh

.PHONY: demo
demo: deps ## bring up the lab and open the console on it; without a terminal, print the round
	@$(MAKE) -s -j$$(nproc) all $(LAB_PLUGIN)
	@bash tests/demo.sh

.PHONY: lab
lab: deps ## bring up the users' cluster on this machine (tests/lab/README.md)
	@$(MAKE) -s -j$$(nproc) all $(LAB_PLUGIN)
	@bash tests/lab/lab.sh up

.PHONY: lab-down
lab-down: ## stop the lab and remove everything it made
	@bash tests/lab/lab.sh down

# The pictures of the documentation are the screens of the tests, drawn in theme colors.
.PHONY: screenshots
screenshots: $(VARIANT)/tests/tui/test_screens ## draw the screens of the tests as SVG
	@mkdir -p screenshots
	$(Q)SCREENSHOTS=screenshots SCREENSHOT_THEME=harbour-dark $(VARIANT)/tests/tui/test_screens

.PHONY: layers
layers: ## prove that includes only point downward
	@awk -f tests/layers.awk $(wildcard src/*/*.[ch] include/binnacle/*/*.h)

.PHONY: format
format: ## format the C sources
	clang-format -i $(wildcard src/*/*.[ch] include/binnacle/*/*.h tests/*/*.[ch])

.PHONY: install
install: $(PROGRAM) ## install to $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/binnacle/themes
	install -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/binnacle
	install -m 644 $(wildcard themes/*.theme) $(DESTDIR)$(PREFIX)/share/binnacle/themes

.PHONY: clean
clean: ## remove everything that was built
	rm -rf build

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{ printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

-include $(FUZZ_OBJECTS:.o=.d) $(OBJECTS:.o=.d) $(SUPPORT:.o=.d) $(TESTS:=.d) $(BENCH:=.d) \
	$(BENCH_SUPPORT:.o=.d)
