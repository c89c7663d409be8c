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
$(eval $(call bench_host_program,bench-linux,linux figures machine))

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
