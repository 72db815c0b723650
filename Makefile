# SPDX-License-Identifier: GPL-2.0
#
# make help lists the targets. V=1 shows the commands.

VERSION	:= 0.1.0
O	?= build
PREFIX	?= /usr
LIBDIR	?= $(PREFIX)/lib
BPFDIR	?= $(LIBDIR)/rescore
MANDIR	?= $(PREFIX)/share/man
SOVERSION := 0

CC	?= gcc
CLANG	?= clang-19
BPFTOOL	?= $(firstword $(wildcard /usr/sbin/bpftool /usr/bin/bpftool) bpftool)
CACHE	:= $(shell scripts/setup --print-cache 2>/dev/null)

WARN	:= -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes \
	   -Wno-missing-field-initializers
CFLAGS	?= -O2 -g
DEFS	= -D_GNU_SOURCE '-DRESCORE_VERSION="$(VERSION)"' \
	  '-DRESCORE_BPF_DIR="$(BPFDIR)"' '-DCT_FILTER="$(O)/ct-filter"'
ALL_CFLAGS = -std=gnu11 $(CFLAGS) $(WARN) $(DEFS) -Iinclude -Ilib -MMD -MP

BPF_CFLAGS = -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -Wall -Wextra \
	     -Werror -Wno-unused-parameter -Iinclude -Ikernel/rescore -I$(O) \
	     -idirafter /usr/include/$(shell $(CC) -print-multiarch) -MMD -MP

SAN	:= -fsanitize=address,undefined -fno-sanitize-recover=all \
	   -fno-omit-frame-pointer

LIB_SRC	:= $(wildcard lib/*.c)
CTL_SRC	:= $(wildcard tools/rlimitctl/*.c)
STAT_SRC := $(wildcard tools/rstat/*.c)
BPF_SRC	:= kernel/rescore/rescore.bpf.c $(wildcard kernel/controllers/*.bpf.c)
KTEST_SRC := $(wildcard tests/kernel/test_*.c)
MAN_SRC	:= $(wildcard man/*.[1-8])

BPF_OBJ	:= $(patsubst %.bpf.c,$(O)/bpf/%.bpf.o,$(notdir $(BPF_SRC)))
LIB_OBJ	:= $(LIB_SRC:%.c=$(O)/%.o)
CTL_OBJ	:= $(CTL_SRC:%.c=$(O)/%.o)
STAT_OBJ := $(STAT_SRC:%.c=$(O)/%.o)
LIVE_OBJ := $(patsubst tests/live/%.bpf.c,$(O)/tests/live/%.bpf.o,$(wildcard tests/live/*.bpf.c))
KTESTS	:= $(KTEST_SRC:%.c=$(O)/%)

LIBS	:= -lbpf -lelf -lz -ljansson -lcap
# librrd is to find our encoder of PNG and its context: see png.h, rrd_shim.c.
STAT_LIBS := -Wl,--export-dynamic-symbol=cairo_surface_write_to_png_stream \
	     -Wl,--export-dynamic-symbol=rrd_get_context \
	     -lncursesw -ltinfo -lmicrohttpd -lnettle -ldl -lm
SONAME	:= librescore.so.$(SOVERSION)

ifeq ($(V),1)
Q :=
msg =
else
Q := @
msg = @printf '  %-8s %s\n' "$(1)" "$(patsubst $(O)/%,%,$(2))";
endif

.DELETE_ON_ERROR:
.SUFFIXES:

all: bpf lib tools kernel-tests	## build everything
bpf: $(BPF_OBJ) $(O)/bpf/addresses.o
lib: $(O)/librescore.so $(O)/librescore.a $(O)/rescore.pc
tools: $(O)/rlimitctl $(O)/rstat
kernel-tests: $(KTESTS) $(LIVE_OBJ)

# --- BPF ---------------------------------------------------------------------

# From the kernel that the tests boot, so that the machine's own does not matter.
$(CACHE)/kernel/cloud/vmlinux.btf:
	$(Q)scripts/setup

$(O)/vmlinux.h: $(CACHE)/kernel/cloud/vmlinux.btf
	$(call msg,BTF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(BPFTOOL) btf dump file $< format c > $@

# Controllers that only a test has.
$(O)/tests/live/%.bpf.o: tests/live/%.bpf.c $(O)/vmlinux.h
	$(call msg,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@
	$(Q)llvm-strip-19 -g $@

vpath %.bpf.c kernel/rescore kernel/controllers
$(O)/bpf/%.bpf.o: %.bpf.c $(O)/vmlinux.h
	$(call msg,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@
	$(Q)llvm-strip-19 -g $@

# Loaded for one container at a time: no controller, so the loader is not to see it.
$(O)/bpf/addresses.o: kernel/containment/addresses.bpf.c $(O)/vmlinux.h
	$(call msg,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@
	$(Q)llvm-strip-19 -g $@

# --- library and tools ---------------------------------------------------------

# Changes when a path or the version that is compiled in does.
$(O)/defs: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo "$(DEFS)" | cmp -s - $@ || echo "$(DEFS)" > $@

$(O)/lib/%.o: lib/%.c Makefile $(O)/defs
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -fPIC -fvisibility=hidden -c $< -o $@

# The first process of a container, an image in the library: no C library in it.
$(O)/ct-init: lib/init/init.c lib/init/call.h Makefile
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -Os $(WARN) -Wno-missing-prototypes -static -nostdlib \
		-ffreestanding -fno-stack-protector -fno-pie -no-pie \
		-fcf-protection=none -Wl,--build-id=none,-z,noexecstack -s $< -o $@
$(O)/lib/ct_image.o $(O)/san/lib/ct_image.o: $(O)/ct-init
$(O)/lib/ct_image.o $(O)/san/lib/ct_image.o: private ALL_CFLAGS += -DCT_IMAGE='"$(O)/ct-init"'

# The system calls of containers, as a filter that is the same for all.
$(O)/ct-filter: lib/filter/filter.c Makefile $(O)/defs
	$(call msg,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MF $(O)/make-filter.d -MT $@ $< -lseccomp \
		-o $(O)/make-filter
	$(Q)$(O)/make-filter > $@
$(O)/lib/ct_seccomp.o $(O)/san/lib/ct_seccomp.o: $(O)/ct-filter

$(O)/%.o: %.c Makefile $(O)/defs
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@

# The page is part of the program.
$(O)/tools/rstat/assets.o $(O)/san/tools/rstat/assets.o: \
	$(wildcard tools/rstat/web/*)

$(O)/$(SONAME): $(LIB_OBJ)
	$(call msg,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,$(SONAME) -Wl,-z,defs $(LDFLAGS) $^ $(LIBS) -o $@

$(O)/librescore.so: $(O)/$(SONAME)
	$(Q)ln -sf $(SONAME) $@

$(O)/librescore.a: $(LIB_OBJ)
	$(call msg,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(O)/rescore.pc: lib/rescore.pc.in Makefile $(O)/defs
	$(Q)mkdir -p $(@D)
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' $< > $@

# Linked with the archive: the tools have to run before anything is installed.
$(O)/rlimitctl: $(CTL_OBJ) $(O)/librescore.a
	$(call msg,LD,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -ljansson $(LIBS) -o $@

$(O)/rstat: $(STAT_OBJ) $(O)/librescore.a
	$(call msg,LD,$@)
	$(Q)$(CC) $(LDFLAGS) $^ -ljansson $(LIBS) $(STAT_LIBS) -o $@

# --- tests ---------------------------------------------------------------------

$(O)/tests/kernel/%: tests/kernel/%.c $(O)/librescore.a Makefile
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Wno-missing-prototypes -Wno-unused-parameter \
		-isystem $(CACHE)/kselftest -Itests/kernel $< \
		$(O)/librescore.a $(LIBS) -lpthread -o $@

# The same sources once more, under ASan and UBSan, as archives: a unit test
# takes from them what it needs.
SAN_CFLAGS = $(ALL_CFLAGS) $(SAN) -O1
SAN_LIB	:= $(LIB_SRC:%.c=$(O)/san/%.o)
SAN_CTL	:= $(filter-out %/main.o,$(CTL_SRC:%.c=$(O)/san/%.o))
SAN_STAT := $(filter-out %/main.o,$(STAT_SRC:%.c=$(O)/san/%.o))
UNIT_TESTS := $(patsubst %.c,$(O)/san/%,$(wildcard tests/unit/test_*.c))
RSTAT_TESTS := $(patsubst %.c,$(O)/san/%,$(wildcard tests/rstat/test_*.c))

unit-tests: $(UNIT_TESTS)
rstat-tests: $(RSTAT_TESTS) $(O)/san/fake-rstat $(O)/san/fake-history

$(O)/san/%.o: %.c Makefile $(O)/defs
	$(call msg,SAN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SAN_CFLAGS) -c $< -o $@

$(O)/san/lib.a: $(SAN_LIB)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(O)/san/rlimitctl.a: $(SAN_CTL)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(O)/san/rstat.a: $(SAN_STAT)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(UNIT_TESTS): $(O)/san/tests/unit/%: tests/unit/%.c $(O)/san/rlimitctl.a $(O)/san/lib.a Makefile
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SAN_CFLAGS) -Itools/rlimitctl -Itests/unit $< \
		$(O)/san/rlimitctl.a $(O)/san/lib.a -ljansson $(LIBS) -o $@

$(RSTAT_TESTS): $(O)/san/tests/rstat/%: tests/rstat/%.c $(O)/san/rstat.a $(O)/san/lib.a Makefile
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SAN_CFLAGS) -Itools/rstat -Itests/unit $< \
		$(O)/san/rstat.a $(O)/san/lib.a -ljansson $(LIBS) $(STAT_LIBS) -o $@

# rstat with the kernel's part replaced: its live_open() comes first.
$(O)/san/tests/rstat/fake_%.o: ALL_CFLAGS += -Itools/rstat
$(O)/san/fake-rstat: $(O)/san/tests/rstat/fake_live.o \
		$(O)/san/tools/rstat/main.o $(O)/san/rstat.a $(O)/san/lib.a
	$(call msg,TEST,$@)
	$(Q)$(CC) $(SAN_CFLAGS) $^ -ljansson $(LIBS) $(STAT_LIBS) -o $@

$(O)/san/fake-history: $(O)/san/tests/rstat/fake_history.o \
		$(O)/san/rstat.a $(O)/san/lib.a
	$(call msg,TEST,$@)
	$(Q)$(CC) $(SAN_CFLAGS) $^ -ljansson $(LIBS) $(STAT_LIBS) -o $@

$(O)/tests/bench/rstat: $(wildcard tests/bench/rstat*.c) $(filter-out %/main.o,$(STAT_OBJ)) $(O)/librescore.a
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itools/rstat -Itests/rstat $(filter %.c %.o %.a,$^) \
		-ljansson $(LIBS) $(STAT_LIBS) -o $@

$(O)/tests/bench/naive: tests/bench/naive.c Makefile
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $< -lrrd -o $@

# For the VM: small programs of their own, so that nothing else is measured.
BENCH_TOOLS := $(addprefix $(O)/tests/bench/,ops contend floor scale)
OPS_PARTS := $(addprefix tests/bench/,filter.c runs.c shake.c)
$(O)/tests/bench/ops: BENCH_LIBS := $(OPS_PARTS) -static
$(O)/tests/bench/ops: $(OPS_PARTS) $(OPS_PARTS:.c=.h)
$(O)/tests/bench/contend: BENCH_LIBS := -static
$(O)/tests/bench/floor: BENCH_LIBS := -lbpf
$(O)/tests/bench/scale: BENCH_LIBS := -Itools/rstat \
	$(filter-out %/main.o,$(STAT_OBJ)) $(O)/librescore.a -ljansson $(LIBS) $(STAT_LIBS)
$(O)/tests/bench/scale: $(STAT_OBJ) $(O)/librescore.a
$(BENCH_TOOLS): $(O)/tests/bench/%: tests/bench/%.c Makefile
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $< $(BENCH_LIBS) -o $@
bench-tools: $(BENCH_TOOLS)

setup:
	@scripts/setup

test: setup	## every test (sets the machine up first)
	@$(MAKE) --no-print-directory all
	@tests/run

demo: setup	## the main job, in a VM: limits, refusals, graphs
	@$(MAKE) --no-print-directory all
	@scripts/demo

upgrade-proof: all	## 20 upgrades under load on three kernels (half an hour)
	@tests/run proof

bench: setup	## what it costs, in instructions, side by side
	@$(MAKE) --no-print-directory all bench-tools $(addprefix $(O)/tests/bench/,rstat naive)
	@tests/bench/run
	@tests/bench/contain
	@tests/bench/rstat.sh

bench-check: all bench-tools	## do hooks cost more than is committed?
	@tests/bench/run check

lint: $(O)/vmlinux.h	## clang-format, clang-tidy, cppcheck, shellcheck, mandoc
	@scripts/lint

# --- install ----------------------------------------------------------------------

UNITS	= $(DESTDIR)$(LIBDIR)/systemd/system

# They start what is installed, wherever that is.
install-units:
	install -d $(UNITS)
	for unit in packaging/systemd/*.service; do \
		sed 's|/usr/\(s\?bin\)/r|$(PREFIX)/\1/r|' $$unit \
			> $(UNITS)/$${unit##*/}; \
	done

install: bpf lib tools install-units	## into DESTDIR, below PREFIX
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin \
		$(DESTDIR)$(BPFDIR) $(DESTDIR)$(LIBDIR)/pkgconfig \
		$(DESTDIR)$(PREFIX)/include/rescore $(DESTDIR)/etc/rescore/hooks
	install -m 755 $(O)/rlimitctl $(DESTDIR)$(PREFIX)/sbin
	install -m 755 $(O)/rstat $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(BPF_OBJ) $(O)/bpf/addresses.o $(DESTDIR)$(BPFDIR)
	install -m 755 $(O)/$(SONAME) $(DESTDIR)$(LIBDIR)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/librescore.so
	install -m 644 $(O)/librescore.a $(DESTDIR)$(LIBDIR)
	install -m 644 $(O)/rescore.pc $(DESTDIR)$(LIBDIR)/pkgconfig
	install -m 644 lib/librescore.h lib/rescore_ct.h $(DESTDIR)$(PREFIX)/include
	install -m 644 include/rescore/abi.h $(DESTDIR)$(PREFIX)/include/rescore
	install -D -m 644 packaging/completion/rlimitctl.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/rlimitctl
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/rescore \
		packaging/prometheus/rescore.rules.yml \
		packaging/grafana/rescore.json
	for page in $(MAN_SRC); do \
		install -D -m 644 $$page \
			$(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}; \
	done

clean:	## remove what was built
	rm -rf $(O)

help:	## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1	/p' $(MAKEFILE_LIST) | expand -t 20

FORCE:

.PHONY: FORCE all bench-tools bpf lib tools kernel-tests setup test demo bench \
	upgrade-proof bench-check lint install install-units clean help

-include $(shell find $(O) -name '*.d' 2>/dev/null)
