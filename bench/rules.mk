# `make bench` and its relatives. docs/benchmarking.md says what is measured and how.

BENCH_OUT := $(B)/bench
BENCH_HOST_HDR := $(wildcard bench/host/*.h)

# $(1): name, $(2): sources under bench/host.
define bench_host_program
$(BENCH_OUT)/$(1): $(2:%=bench/host/%.c) $(BENCH_HOST_HDR)
	@mkdir -p $$(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) $$(filter %.c,$$^) -o $$@
ALL += $(BENCH_OUT)/$(1)
endef
$(eval $(call bench_host_program,bench-linux,linux figures machine scale))
$(eval $(call bench_host_program,bench-capos,capos figures machine scale table))

$(eval $(call bench_host_program,bench-profile,profile machine symbols trace))

$(eval $(call unit_test,bench,$(patsubst %,bench/host/%.c,bench_test figures machine scale table trace) bench/guest/measure.c,-Ibench/host -Ibench/guest))

# ---- Linux. The kernel is a package, fetched when it is first wanted; the guest programs are ours.

BENCH_LINUX := $(BENCH_OUT)/linux
BENCH_LINUX_CFLAGS := $(HOST_CFLAGS) -Ibench/guest -Ibench/linux -static
BENCH_LINUX_SRC := bench/guest/measure.c bench/linux/main.c $(wildcard bench/linux/rows_*.c)
ALL += $(BENCH_LINUX)/rows.cpio $(BENCH_LINUX)/hello.cpio

$(BENCH_LINUX)/vmlinuz: bench/linux/fetch
	@mkdir -p $(@D)
	$(Q)bench/linux/fetch $(@D)
$(BENCH_LINUX)/init: $(BENCH_LINUX_SRC) bench/guest/measure.h bench/linux/guest.h
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(BENCH_LINUX_CFLAGS) -pthread -Wl,--strip-all $(BENCH_LINUX_SRC) -o $@
$(BENCH_LINUX)/tiny: bench/linux/tiny.c
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(BENCH_LINUX_CFLAGS) -nostdlib -fno-stack-protector -Wl,--strip-all $< -o $@
$(BENCH_LINUX)/mkinitramfs: bench/linux/mkinitramfs.c
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) $< -o $@
$(BENCH_LINUX)/rows.cpio: $(BENCH_LINUX)/mkinitramfs $(BENCH_LINUX)/init $(BENCH_LINUX)/tiny
	$(Q)$< $@ init=$(BENCH_LINUX)/init tiny=$(BENCH_LINUX)/tiny
$(BENCH_LINUX)/hello.cpio: $(BENCH_LINUX)/mkinitramfs $(BENCH_LINUX)/tiny
	$(Q)$< $@ init=$(BENCH_LINUX)/tiny

# Measured again each time it is asked for; kept until then.
.PHONY: bench-linux
bench-linux: $(BENCH_OUT)/bench-linux $(BENCH_LINUX)/vmlinuz $(BENCH_LINUX)/rows.cpio $(BENCH_LINUX)/hello.cpio ## measure Debian's Linux kernel for the same rows
	$(Q)$(BENCH_OUT)/bench-linux $(BENCH_LINUX)/vmlinuz $(BENCH_LINUX)/rows.cpio $(BENCH_LINUX)/hello.cpio \
	    "$$(cat $(BENCH_LINUX)/name)" $(B)/bench-linux.tsv

# ---- capOS. At a fixed address, so that profiles can name functions without knowing where the kernel put them.
# (libcapos is named by its path: its rules.mk is read after this one.)

BENCH_OS := $(BENCH_OUT)/os
BENCH_LIBCAPOS := $(B)/sysroot/lib/libcapos.a
BENCH_OS_CFLAGS := $(STD) -O2 -g $(WARN) -no-pie -Ibench/guest -Ibench/os
BENCH_OS_SRC := bench/guest/measure.c bench/os/main.c $(wildcard bench/os/rows_*.c)
BENCH_PACKAGES := $(BENCH_OS)/all.package $(BENCH_OS)/quick.package $(BENCH_OS)/scale-full.package $(BENCH_OS)/scale-quick.package $(BENCH_OS)/boot.package $(BENCH_OS)/hello.package

$(BENCH_OS)/bench-os.elf: $(BENCH_OS_SRC) bench/guest/measure.h bench/os/guest.h $(BENCH_LIBCAPOS) tool/capos-cc
	@mkdir -p $(@D)
	$(Q)tool/capos-cc $(BENCH_OS_CFLAGS) $(BENCH_OS_SRC) -o $@.debug
	$(Q)llvm-strip -o $@ $@.debug
$(BENCH_OS)/bench-tiny.elf: bench/os/tiny.c $(BENCH_LIBCAPOS) tool/capos-cc
	@mkdir -p $(@D)
	$(Q)tool/capos-cc $(STD) -O2 $(WARN) -Wl,--strip-all $< -o $@

# The first line from user space: c-hello as the first process. The smallest memory: c-hello as the demo has it, with
# init.
$(BENCH_OS)/boot.package: bench/os/boot.capnp $(B)/programs/c-hello.elf $(SCHEMA)
	@mkdir -p $(@D)
	$(Q)capnp eval -I. -I$(B)/programs -obinary $< manifest >$@
$(BENCH_OS)/hello.package: demo/c-hello/system.capnp $(B)/programs/init.elf $(B)/programs/c-hello.elf $(SCHEMA)
	@mkdir -p $(@D)
	$(Q)capnp eval -I. -I$(B)/programs -obinary $< manifest >$@
# all, quick, scale-full, scale-quick, profile-ROW: what bench-os is told to do. (capnp's constants have no parameters.)
$(BENCH_OS)/%.package: bench/os/system.capnp $(B)/programs/fs.elf $(BENCH_OS)/bench-os.elf $(BENCH_OS)/bench-tiny.elf $(SCHEMA)
	$(Q)sed 's/"all"/"$(subst -," $(comma)",$*)"/' $< >$(@D)/$*.capnp
	$(Q)capnp eval -I. -I$(@D) -I$(B)/programs -obinary $(@D)/$*.capnp manifest >$@
comma := ,

ALL += $(BENCH_PACKAGES)

BENCH_KERNEL := $(B)/kernel/capos.elf
BENCHES += bench-capos
CHECKS += bench-smoke
.PHONY: bench-capos check-bench-smoke
bench-capos: $(BENCH_OUT)/bench-capos $(BENCH_PACKAGES) $(BENCH_KERNEL)
	$(Q)llvm-strip -o $(BENCH_OS)/kernel.stripped $(BENCH_KERNEL)
	$(Q)$< measure $(BENCH_KERNEL) $(BENCH_OS)/kernel.stripped $(BENCH_OS) bench/goals.tsv $(B)/bench.tsv \
	    $(B)/bench-linux.tsv bench/linux-reference.tsv
check-bench-smoke: $(BENCH_OUT)/bench-capos $(BENCH_PACKAGES) $(BENCH_KERNEL)
	@$< smoke $(BENCH_KERNEL) $(BENCH_OS)

# Where one row's instructions go: make bench-profile ROW=null_call
ROW ?= null_call
.PHONY: bench-profile
bench-profile: $(BENCH_OUT)/bench-profile $(BENCH_OS)/profile-$(ROW).package $(BENCH_KERNEL) ## ROW=null_call: instructions of one operation, by function
	$(Q)$< $(BENCH_KERNEL) $(BENCH_OS)/profile-$(ROW).package $(BENCH_OS)/bench-os.elf.debug $(ROW) \
	    $(BENCH_OUT)/profile.log $(BENCH_OUT)/profile-$(ROW).path
	$(Q)llvm-objdump -d --no-show-raw-insn $(BENCH_KERNEL) $(BENCH_OS)/bench-os.elf.debug | \
	    awk -f bench/host/listing.awk - $(BENCH_OUT)/profile-$(ROW).path >$(BENCH_OUT)/profile-$(ROW).txt
	@echo "every instruction in order: $(BENCH_OUT)/profile-$(ROW).txt"

LINTS += lint-bench-gcc
.PHONY: lint-bench-gcc
lint-bench-gcc:
	$(Q)$(GCC) $(HOST_CFLAGS) -fsyntax-only -Ibench/guest -Ibench/host -Ibench/linux -Itest/harness \
	    bench/guest/*.c bench/host/*.c bench/linux/*.c && echo "lint-bench-gcc: clean"
