# SPDX-License-Identifier: GPL-3.0-or-later
# Branchline. `sudo make demo` and `sudo make check` need nothing before them.
#
#   B=DIR            build folder (default build/)
#   CC=clang         another compiler
#   SANITIZE=LIST    -fsanitize=LIST (address,undefined or thread)
#   TEST_TIMERS=1    rekey every few seconds: for tests only, never for a network
#   WEBUI=0          without the admin page, and without nodejs and npm
#   IPSEC_MB=0       without the libipsec-mb backend (default: with it when its header is there)
#   KEEP=1           make demo leaves the network running
#   TEST_JOBS=N      test programs at the same time (default 2; most of their time is waiting)

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

B       ?= build
CC      := $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
AR      ?= ar
DESTDIR ?=
TEST_JOBS ?= 2
export TEST_JOBS
PREFIX  ?= /usr
UNITDIR ?= $(PREFIX)/lib/systemd/system
VERSION := $(shell cat VERSION)
# The admin page is bundled once, whatever else is built beside it (clang, sanitizers, fast timers).
WEBUI     ?= 1
WEBUI_OUT ?= $(B)/webui
export WEBUI_OUT

PKGS := openssl sqlite3 libmicrohttpd jansson libmnl libcap libseccomp zlib lzo2 libcurl
# Not in the recipe of every rule, so that `make deps` and `make clean` run before the packages are there.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $$(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)

# Only the header is needed: the library is opened at run time, where it is installed.
IPSEC_MB = $(eval IPSEC_MB := $$(shell $(CC) -E -include intel-ipsec-mb.h -x c /dev/null >/dev/null 2>&1 && echo 1))$(IPSEC_MB)

# V=1 shows the commands.
Q := $(if $(V),,@)

WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla -Wpointer-arith -Werror
HARDEN := -fPIE -fstack-protector-strong -fno-strict-aliasing $(if $(filter x86_64,$(shell uname -m)),-fcf-protection)
ifdef SANITIZE
HARDEN += -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all
OPT    ?= -O1 -g
LDSAN  := -fsanitize=$(SANITIZE)
else
HARDEN += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(if $(findstring clang,$(CC)),2,3)
OPT    ?= -O2 -g
endif
DEFS = -D_GNU_SOURCE -DBRANCHLINE_VERSION='"$(VERSION)"' $(if $(TEST_TIMERS),-DBRANCHLINE_TEST_TIMERS) \
	$(if $(filter 1,$(IPSEC_MB)),-DBRANCHLINE_IPSEC_MB)
CFLAGS_ALL  = -std=gnu11 -I. $(DEFS) $(OPT) $(OPT_DIR) $(WARN) $(HARDEN) $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now,-z,noexecstack $(LDSAN) $(LDFLAGS)
LIBS_ALL    = $(PKG_LIBS) -lpthread -ldl

# Folders in link order: each may use those behind it.
SHARED_DIRS := shared/cli shared/conf shared/tunnel shared/dns shared/monitor shared/carrier shared/ipc shared/noise shared/keys shared/loop shared/wire shared/base
HUB_DIRS    := hub/cli hub/webhook hub/api hub/control hub/directory hub/backup hub hub/store
SPOKE_DIRS  := spoke/cli spoke/control spoke
ALL_DIRS    := $(HUB_DIRS) $(SPOKE_DIRS) $(SHARED_DIRS)

# What runs when somebody types a command, a daemon starts, or one branch talks with the hub is built to be small: no packet waits for it.
ifndef SANITIZE
SMALL_DIRS := shared/cli shared/conf shared/monitor hub/cli hub/backup spoke spoke/cli spoke/control
$(foreach d,$(SMALL_DIRS),$(eval $$(B)/obj/$(d)/%.o: OPT_DIR := -Os))
endif

srcs = $(filter-out %/main.c,$(wildcard $(1)/*.c))
objs = $(patsubst %.c,$(B)/obj/%.o,$(call srcs,$(1))) $(addprefix $(B)/obj/gen/,$(GEN_$(subst /,_,$(1))))
lib  = $(B)/lib/$(subst /,_,$(1)).a
GEN_hub_store := sql_embedded.o
GEN_hub_api   := openapi_embedded.o webui_embedded.o

LIB_SHARED := $(foreach d,$(SHARED_DIRS),$(call lib,$(d)))
LIB_HUB    := $(foreach d,$(HUB_DIRS),$(call lib,$(d)))
LIB_SPOKE  := $(foreach d,$(SPOKE_DIRS),$(call lib,$(d)))

.PHONY: all deps demo check check-unit check-integration fuzz-replay lint format asan tsan install clean
all: $(B)/branchline-hub $(B)/branchline-spoke

$(B)/branchline-hub: $(B)/obj/hub/main.o $(LIB_HUB) $(LIB_SHARED)
	@$(if $(V),,echo '  LD  $@')
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< -Wl,--start-group $(LIB_HUB) $(LIB_SHARED) -Wl,--end-group $(LIBS_ALL)

$(B)/branchline-spoke: $(B)/obj/spoke/main.o $(LIB_SPOKE) $(LIB_SHARED)
	@$(if $(V),,echo '  LD  $@')
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< -Wl,--start-group $(LIB_SPOKE) $(LIB_SHARED) -Wl,--end-group -Wl,--as-needed $(LIBS_ALL)

# --- objects, libraries, generated sources ---------------------------------------------------

# Rebuilds everything when the compiler or its flags change.
FLAGS_FILE := $(B)/flags
FLAGS_NOW   = $(CC) $(OPT) $(SANITIZE) $(TEST_TIMERS) $(IPSEC_MB) $(WEBUI) $(VERSION) $(CFLAGS)
$(FLAGS_FILE): FORCE
	@mkdir -p $(B); echo '$(FLAGS_NOW)' | cmp -s - $@ || echo '$(FLAGS_NOW)' >$@
FORCE:

$(B)/obj/%.o: %.c $(FLAGS_FILE)
	@mkdir -p $(@D)
	@$(if $(V),,echo '  CC  $<')
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/obj/gen/%.o: $(B)/gen/%.c $(FLAGS_FILE)
	@mkdir -p $(@D)
	@$(if $(V),,echo '  CC  $<')
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/gen/sql_embedded.c: schema/embed.sh $(wildcard schema/sql/*.sql)
	@mkdir -p $(@D)
	$(Q)sh schema/embed.sh $@ $(wildcard schema/sql/*.sql)

$(B)/gen/openapi_embedded.c: hub/api/embed_openapi.py schema/openapi.yaml
	@mkdir -p $(@D)
	$(Q)/usr/bin/python3 hub/api/embed_openapi.py schema/openapi.yaml $@

WEBUI_SRCS := $(wildcard webui/*.* webui/.npmrc webui/src/*.* webui/src/*/*.* webui/src/*/*/*.*)
$(WEBUI_OUT)/dist/index.html: $(WEBUI_SRCS) schema/openapi.yaml
	@$(if $(V),,echo '  WEB $@')
	$(Q)sh webui/build.sh $(WEBUI_OUT)

$(B)/gen/webui_embedded.c: webui/embed.py $(if $(filter 0,$(WEBUI)),,$(WEBUI_OUT)/dist/index.html) $(FLAGS_FILE)
	@mkdir -p $(@D)
	$(Q)/usr/bin/python3 webui/embed.py $@ $(if $(filter 0,$(WEBUI)),,$(WEBUI_OUT)/dist)

define library
.PHONY: lib-$(1)
lib-$(1): $(call lib,$(1))
$(call lib,$(1)): $(call objs,$(1))
	@mkdir -p $$(@D); rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$^
endef
$(foreach d,$(ALL_DIRS),$(eval $(call library,$(d))))

# --- unit tests: tests/unit/DIR/test_*.c, linked with DIR and what it may use ------------------

LAYER_shared/base    := shared/base
LAYER_shared/loop    := shared/loop shared/base
LAYER_shared/wire    := shared/wire shared/base
LAYER_shared/keys    := shared/keys shared/wire shared/base
LAYER_shared/noise   := shared/noise shared/wire shared/base
LAYER_shared/ipc     := shared/ipc shared/loop shared/wire shared/base
LAYER_shared/carrier := shared/carrier shared/ipc shared/loop shared/wire shared/base
LAYER_shared/monitor := shared/monitor shared/ipc shared/loop shared/wire shared/base
LAYER_shared/tunnel  := $(SHARED_DIRS)
LAYER_shared/dns     := shared/dns shared/monitor shared/ipc shared/loop shared/wire shared/base
LAYER_shared/cli     := shared/cli shared/conf shared/noise shared/wire shared/base
LAYER_shared/conf    := shared/conf shared/noise shared/wire shared/base
LAYER_hub/store      := hub/store shared/wire shared/base
$(foreach d,hub hub/api hub/backup hub/control hub/directory hub/cli hub/webhook,$(eval LAYER_$(d) := $(HUB_DIRS) $(SHARED_DIRS)))
$(foreach d,spoke spoke/control spoke/cli,$(eval LAYER_$(d) := $(SPOKE_DIRS) $(SHARED_DIRS)))

define unit
UNIT_$(1) := $$(patsubst %.c,$(B)/%,$$(wildcard tests/unit/$(1)/test_*.c))
UNIT_ALL  += $$(UNIT_$(1))
$$(UNIT_$(1)): $(B)/%: $(B)/obj/%.o $(foreach l,$(LAYER_$(1)),$(call lib,$(l)))
	@mkdir -p $$(@D)
	@$$(if $$(V),,echo '  LD  $$@')
	$$(Q)$$(CC) $$(LDFLAGS_ALL) -o $$@ $$< -Wl,--start-group $(foreach l,$(LAYER_$(1)),$(call lib,$(l))) -Wl,--end-group -lcmocka $$(LIBS_ALL)
.PHONY: unit-$(1)
unit-$(1): $$(UNIT_$(1))
	@tests/lib/run_unit.sh $$(sort $$(UNIT_$(1)))
endef
$(foreach d,$(ALL_DIRS),$(eval $(call unit,$(d))))

check-unit: $(UNIT_ALL)
	@tests/lib/run_unit.sh $(sort $(UNIT_ALL))

# --- fuzz targets: replayed over their corpora in `check`; FUZZ=1 with clang links libFuzzer ---

FUZZ_SRCS := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BINS := $(patsubst %.c,$(B)/%,$(FUZZ_SRCS))
FUZZ_LIBS := $(foreach l,$(HUB_DIRS) spoke/control $(SHARED_DIRS),$(call lib,$(l)))
ifdef FUZZ
FUZZ_MAIN :=
FUZZ_LINK := -fsanitize=fuzzer
else
FUZZ_MAIN := $(B)/obj/tests/fuzz/replay.o
endif
$(FUZZ_BINS): $(B)/%: $(B)/obj/%.o $(FUZZ_MAIN) $(FUZZ_LIBS)
	@mkdir -p $(@D)
	@$(if $(V),,echo '  LD  $@')
	$(Q)$(CC) $(LDFLAGS_ALL) $(FUZZ_LINK) -o $@ $< $(FUZZ_MAIN) -Wl,--start-group $(FUZZ_LIBS) -Wl,--end-group $(LIBS_ALL)
.PHONY: fuzz-build
fuzz-build: $(FUZZ_BINS)
fuzz-replay: $(FUZZ_BINS)
	@tests/lib/run_fuzz.sh $(FUZZ_BINS)

# --- benchmarks -------------------------------------------------------------------------------

$(B)/tests/bench/compress_table $(B)/tests/bench/micro: $(B)/tests/bench/%: $(B)/obj/tests/bench/%.o $(foreach d,$(SHARED_DIRS),$(call lib,$(d)))
	@mkdir -p $(@D)
	@$(if $(V),,echo '  LD  $@')
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $< -Wl,--start-group $(LIB_SHARED) -Wl,--end-group $(LIBS_ALL)
# Many spokes in one process; the only program that is linked with both daemons' folders.
SWARM := $(B)/tests/bench/swarm/swarm
$(SWARM): $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/bench/swarm/*.c)) $(LIB_HUB) $(LIB_SPOKE) $(LIB_SHARED)
	@mkdir -p $(@D)
	@$(if $(V),,echo '  LD  $@')
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS_ALL)
.PHONY: swarm
swarm: $(SWARM)
# What a hub with 100, 1,000 and 10,000 spokes costs, as a Markdown table: make bench-scale SCALE='--spokes 1000'.
.PHONY: bench-scale
bench-scale:
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory -s all swarm
	@BRANCHLINE_BUILD=$(abspath $(B)) /usr/bin/python3 tests/bench/scale.py $(SCALE)
# What compression is worth: content by level by line, as a Markdown table.
.PHONY: bench-compress
bench-compress: $(B)/tests/bench/compress_table
	@$<
# Nanoseconds of what is done for each packet, as Markdown tables.
.PHONY: bench-micro
bench-micro: $(B)/tests/bench/micro
	@$<

# --- what people run --------------------------------------------------------------------------

.PHONY: check-fast-build
deps:
	@sh deploy/deps.sh

# Recursive, so that nothing is looked up before `deps` has put it there.
demo:
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory -s all
	@/usr/bin/python3 tests/demo.py --build $(B) $(if $(KEEP),--keep)

check:
	@$(MAKE) --no-print-directory deps
	@B=$(B) MAKE="$(MAKE)" sh tests/lib/check.sh

# Side by side with other tunnels: make bench BENCH='--rounds 5 --seconds 6 --peers tinc,ours'; the raw numbers go to $(B)/bench.
# make soak SOAK='--minutes 5': mixed load, in which memory has to stay flat; SOAK='--hub-away --minutes 60': without the hub.
.PHONY: bench soak
bench:
	@sh deploy/deps.sh bench
	@$(MAKE) --no-print-directory -s all
	@BRANCHLINE_BUILD=$(abspath $(B)) /usr/bin/python3 tests/bench/bench.py $(BENCH)
soak:
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory -s $(if $(findstring --hub-away,$(SOAK)),check-fast-build,all)
	@BRANCHLINE_BUILD=$(abspath $(B)) /usr/bin/python3 tests/bench/soak.py $(SOAK)

# The same daemons, with a rekey every few seconds: only for tests.
check-fast-build:
	$(MAKE) B=$(B)/fast TEST_TIMERS=1 all

check-integration: all swarm check-fast-build
	BRANCHLINE_BUILD=$(abspath $(B)) /usr/bin/python3 -m pytest -q -p no:cacheprovider -n $(TEST_JOBS) --dist loadfile \
		tests/integration $(PYTEST)

asan:
	@$(MAKE) --no-print-directory deps
	@B=$(B)/asan SANITIZE=address,undefined MAKE="$(MAKE)" sh tests/lib/check_sanitizer.sh
tsan:
	@$(MAKE) --no-print-directory deps
	@B=$(B)/tsan SANITIZE=thread MAKE="$(MAKE)" sh tests/lib/check_sanitizer.sh

C_FILES := $(shell git ls-files '*.c' '*.h' 2>/dev/null)
format:
	@clang-format -i $(C_FILES)
lint:
	@CC="$(CC)" CFLAGS_ALL="$(CFLAGS_ALL)" sh tests/lib/lint.sh

# Each program with what belongs to it: a package takes one of the two.
EXAMPLES = $(DESTDIR)$(PREFIX)/share/doc/branchline/examples
install: install-hub install-spoke
.PHONY: install-hub install-spoke
install-hub install-spoke: install-%: all
	install -D -m 0755 $(B)/branchline-$* $(DESTDIR)$(PREFIX)/sbin/branchline-$*
	install -D -m 0644 deploy/systemd/branchline-$*@.service $(DESTDIR)$(UNITDIR)/branchline-$*@.service
	install -D -m 0644 deploy/sysusers.d/branchline.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/branchline.conf
	install -D -m 0644 deploy/tmpfiles.d/branchline.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/branchline.conf
	install -D -m 0644 deploy/man/branchline-$*.8 $(DESTDIR)$(PREFIX)/share/man/man8/branchline-$*.8
	install -D -m 0644 deploy/man/branchline-$*.conf.5 $(DESTDIR)$(PREFIX)/share/man/man5/branchline-$*.conf.5
	install -d $(DESTDIR)/etc/branchline $(EXAMPLES)
	cp -r deploy/examples/. $(EXAMPLES)
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions
	$(B)/branchline-$* -n x completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/branchline-$*
	$(B)/branchline-$* -n x completion zsh >$(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/_branchline-$*

# Debian packages, in $(B)/deb. The admin page is built before, with npm; the packages themselves need no network.
.PHONY: deb check-packages
export DEB_MAINTAINER
deb:
	@sh deploy/deps.sh packages
	@$(if $(filter 0,$(WEBUI)),,$(MAKE) --no-print-directory -s $(WEBUI_OUT)/dist/index.html)
	@CC="$(CC)" WEBUI="$(WEBUI)" sh deploy/package.sh $(B)/deb $(abspath $(WEBUI_OUT))

# The packages: lintian, contents, the same bits when built again; installed, run, upgraded and purged on Debian's base (debootstrap).
check-packages: deb
	BRANCHLINE_BUILD=$(abspath $(B)) WEBUI_OUT=$(abspath $(WEBUI_OUT)) CC="$(CC)" WEBUI="$(WEBUI)" \
		/usr/bin/python3 -m pytest -q -p no:cacheprovider tests/packages $(PYTEST)

clean:
	rm -rf $(B) build

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
