# The kernel: one ELF for all machines, linked twice so that it carries the names of its own functions.
#
#   build/kernel/capos.elf            what boots; DEBUG=1: build/kernel-debug/capos.elf, which checks lock order
#   build/kernel-selftest/capos.elf   the machine layer alone with its in-kernel test (suite kernel-arch)
#   build/capos.iso                   make iso PACKAGE=FILE: the same kernel through GRUB, BIOS and UEFI

NM ?= llvm-nm
ifeq ($(shell command -v $(NM)),)
NM := $(firstword $(shell command -v llvm-nm-14 nm))
endif

KERNEL_INCLUDES := -Iabi -Ikernel -Ilib -Ilib/base -Ilib/capnp -I$(B)/gen
KERNEL_MACHINE := -O2 -ffreestanding -fno-pic -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
                  -fno-stack-protector -fno-omit-frame-pointer -momit-leaf-frame-pointer -ffunction-sections -fdata-sections \
                  -fno-asynchronous-unwind-tables -fno-strict-aliasing -g
# Link-time optimisation: the way from a system call to a method crosses five files. Debug builds do without.
KERNEL_LTO := $(if $(DEBUG),,-flto)
KERNEL_CFLAGS := --target=x86_64-unknown-none-elf $(STD) $(KERNEL_MACHINE) $(KERNEL_LTO) $(KERNEL_INCLUDES) $(WARN)
# What the fast ways need inline says so itself; else the image would be a tenth larger for nothing.
KERNEL_LDFLAGS := -mllvm -inline-threshold=60 -static --gc-sections -z noexecstack -z max-page-size=4096 --build-id=none \
                  -T kernel/arch/x86_64/kernel.ld

# What needs nothing of the portable kernel; the self test links only this.
KERNEL_ARCH_SOURCES := $(filter-out %_test.c %/paging.c %/selftest_main.c %/selftest_smp.c %/selftest_user.S,$(sort $(wildcard \
    kernel/arch/x86_64/*.c kernel/arch/x86_64/*.S kernel/dev/*.c)) \
    $(addprefix kernel/core/,command_line.c lock.c panic.c ksyms.c log.c format.c) $(wildcard lib/base/*.c))
KERNEL_SOURCES := $(filter-out %_test.c %/selftest_main.c %/selftest_smp.c %/selftest_user.S,$(sort \
    $(wildcard kernel/*/*.c kernel/arch/x86_64/*.c kernel/arch/x86_64/*.S lib/base/*.c) $(CAPNP_SRC)))
KERNEL_NAMES := $(B)/kernel-names/interface_names.c
KERNEL_GENERATED_SOURCES = $(GEN_TYPES_SRC) $(GEN_SERVER_SRC) $(KERNEL_NAMES)
$(B)/kernel-names/names: tool/kernel-names/names.c | $(GENERATED)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -I$(B)/gen tool/kernel-names/names.c $(GEN_INTERFACES_SRC) -o $@
$(KERNEL_NAMES): $(B)/kernel-names/names
	$(Q)$< >$@.part && mv $@.part $@

# What runs once, or for so long that its instructions do not count, is compiled for size: the image has a limit (image_kib).
KERNEL_HOT := kernel/core/ring.c kernel/core/ipc_fast.c \
              kernel/core/pending.c kernel/core/thread.c kernel/core/sched.c \
              kernel/core/sched_queue.c kernel/core/captable.c kernel/core/call.c \
              kernel/core/umem.c kernel/core/timer_queue.c kernel/core/entry.c kernel/core/lock.c \
              $(wildcard kernel/mm/*.c) $(addprefix kernel/arch/x86_64/,context.c entry.c paging.c page_clear.c cpu.c apic.c tlb.c) \
              $(addprefix kernel/object/,endpoint.c park_space.c park_switch.c shared_park_space.c null_cap.c virtual_memory.c \
                memory_object.c memory_calls.c timer.c object.c thread_spawner.c thread_handle.c) \
              kernel/dev/clock.c lib/base/rbtree.c lib/base/string.c lib/capnp/reader.c \
              $(B)/gen/memory_types.c $(B)/gen/memory_server.c $(B)/gen/system_server.c $(B)/gen/thread_server.c
kernel_optimize = $(if $(filter $(KERNEL_HOT),$<),,-Oz)

# $(call kernel_image,DIRECTORY,SOURCES,CFLAGS): DIRECTORY/capos.elf.
# Three links: without names; with the names of the first, to know the table's size; the check that no function moved.
define kernel_image
$(1)/object/%.c.o: %.c kernel/rules.mk | $$(GENERATED)
	@mkdir -p $$(@D)
	$(Q)$(CLANG) $(KERNEL_CFLAGS) $$(kernel_optimize) $(3) $(DEPS) -c $$< -o $$@
$(1)/object/%.S.o: %.S kernel/rules.mk
	@mkdir -p $$(@D)
	$(Q)$(CLANG) $(KERNEL_CFLAGS) $(3) $(DEPS) -c $$< -o $$@
$(1)/names0.S: kernel/ksyms.sh
	@mkdir -p $$(@D)
	$(Q)kernel/ksyms.sh $(NM) empty >$$@
$(1)/names%.o: $(1)/names%.S
	$(Q)$(CLANG) $(KERNEL_CFLAGS) -c $$< -o $$@
$(1)/unnamed.elf: $(patsubst %,$(1)/object/%.o,$(2)) $(1)/names0.o kernel/arch/x86_64/kernel.ld
	$(Q)$(LD_LLD) $(KERNEL_LDFLAGS) $$(filter %.o,$$^) -o $$@
$(1)/names1.S: $(1)/unnamed.elf kernel/ksyms.sh
	$(Q)kernel/ksyms.sh $(NM) $$< >$$@
$(1)/capos.elf: $(patsubst %,$(1)/object/%.o,$(2)) $(1)/names1.o kernel/arch/x86_64/kernel.ld
	$(Q)$(LD_LLD) $(KERNEL_LDFLAGS) $$(filter %.o,$$^) -o $$@
	$(Q)kernel/ksyms.sh $(NM) $$@ | cmp -s - $(1)/names1.S || { echo "kernel: functions moved between the links"; exit 1; }
-include $(patsubst %,$(1)/object/%.d,$(2))
endef

ifneq ($(and $(wildcard kernel/core/main.c),$(wildcard kernel/mm/aspace.c),$(wildcard kernel/arch/x86_64/paging.c),$(wildcard kernel/object/virtual_memory.c)),)
$(eval $(call kernel_image,$(B)/kernel,$(KERNEL_SOURCES) $(KERNEL_GENERATED_SOURCES),))
$(eval $(call kernel_image,$(B)/kernel-debug,$(KERNEL_SOURCES) $(KERNEL_GENERATED_SOURCES),-DCAPOS_DEBUG=1))
ifneq ($(DEBUG),)
KERNEL_IMAGE := $(B)/kernel-debug/capos.elf
else
KERNEL_IMAGE := $(B)/kernel/capos.elf
endif
ALL += $(KERNEL_IMAGE)
endif

$(eval $(call kernel_image,$(B)/kernel-selftest,$(KERNEL_ARCH_SOURCES) $(addprefix kernel/arch/x86_64/,selftest_main.c selftest_smp.c selftest_user.S),-DCAPOS_DEBUG=1))

SELFTEST := kernel/arch/x86_64/selftest.sh
CHECKS += kernel-arch kernel-smp kernel-iso
.PHONY: check-kernel-arch check-kernel-smp check-kernel-iso
CHECK_SHARED += $(B)/kernel-selftest/capos.elf
check-kernel-arch: $(B)/kernel-selftest/capos.elf
	@$(SELFTEST) pvh $<
check-kernel-smp: $(B)/kernel-selftest/capos.elf
	@$(SELFTEST) smp $<
check-kernel-iso: $(B)/kernel-selftest/capos.elf
	@$(SELFTEST) iso $<

# The published limit; what is loaded, without the zeroed memory.
KERNEL_BYTES_MAX := 262144
ifneq ($(KERNEL_IMAGE),)
CHECKS += kernel-size
endif
.PHONY: check-kernel-size
check-kernel-size: $(KERNEL_IMAGE)
	@set -- $$(size $< | tail -n 1); bytes=$$(($$1 + $$2)); \
	if [ $$bytes -le $(KERNEL_BYTES_MAX) ]; then echo "ok the kernel image has $$bytes bytes"; \
	else echo "not ok kernel image - $$bytes bytes, more than $(KERNEL_BYTES_MAX)"; exit 1; fi

# KERNEL_ARGS: the kernel's command line.
.PHONY: iso
iso: $(KERNEL_IMAGE) ## make build/capos.iso from the boot package PACKAGE=FILE (BIOS and UEFI)
	@[ -n "$(PACKAGE)" ] || { echo "make iso: name the boot package: make iso PACKAGE=FILE"; exit 2; }
	@kernel/iso.sh $(KERNEL_IMAGE) $(PACKAGE) $(B)/capos.iso "$(KERNEL_ARGS)"
	@echo "$(B)/capos.iso"

KERNEL_UNIT := -DCAPOS_HOST_TEST -Iabi -Ikernel -Ilib
$(eval $(call unit_test,kernel-boot,$(addprefix kernel/arch/x86_64/,boot_test.c boot_info.c boot_regions.c),$(KERNEL_UNIT)))
$(eval $(call unit_test,kernel-acpi,$(addprefix kernel/arch/x86_64/,acpi_test.c acpi.c),$(KERNEL_UNIT)))
$(eval $(call unit_test,kernel-time,$(addprefix kernel/dev/,time_test.c rtc.c clock_math.c),$(KERNEL_UNIT)))
$(eval $(call unit_test,kernel-log,$(addprefix kernel/core/,log_test.c log.c command_line.c format.c ksyms.c),$(KERNEL_UNIT) -Wno-format-security))

$(eval $(call unit_test,kernel-call-name,$(addprefix kernel/core/,call_name_test.c call_name.c format.c) $(KERNEL_NAMES) lib/base/string.c,$(KERNEL_UNIT) -Ilib/capnp -I$(B)/gen))

# bench-os does one call for ever; see there.
CHECKS += panic-call
.PHONY: check-panic-call
check-panic-call: $(KERNEL_IMAGE) $(B)/bench/os/profile-null_call.package
	@kernel/panic.sh $(KERNEL_IMAGE) $(B)/bench/os/profile-null_call.package NullCap.nop

# The other compiler must take it all too.
LINTS += lint-kernel-gcc
.PHONY: lint-kernel-gcc
lint-kernel-gcc: | $(GENERATED)
	@for source in $(filter %.c,$(sort $(KERNEL_SOURCES) $(KERNEL_ARCH_SOURCES) $(addprefix kernel/arch/x86_64/,selftest_main.c selftest_smp.c))); do \
	    $(GCC) $(STD) $(KERNEL_MACHINE) $(KERNEL_INCLUDES) $(WARN) -c $$source -o /dev/null || exit 1; \
	done; echo "lint-kernel-gcc: clean"
