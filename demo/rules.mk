# Demos: a folder with system.capnp (what init is given) and expect.txt (what must come of it). tool/capos/expect.h
# says how a transcript is written, docs/testing.md how to add a demo.
#
#   make run-NAME    boots it, output on the terminal
#   make test-NAME   boots it on both machines and compares with the transcript
#   make gdb-NAME    boots it under gdb

DEMOS := $(patsubst demo/%/system.capnp,%,$(wildcard demo/*/system.capnp))
DEMO_KERNEL := $(B)/kernel/capos.elf
DEBUG_KERNEL := $(B)/kernel-debug/capos.elf
DEMO_MACHINES := microvm q35
SMALLEST_DEMO := c-hello

# NAME: the files that its manifest embeds from build/programs, itself or in the parts of system/ that it imports.
demo_parts = $(shell sed -nE 's,.*import *"/(system/[^"]*)".*,\1,p' demo/$(1)/system.capnp)
demo_embeds = $(shell sed -nE 's,.*embed *"/([^"]*)".*,\1,p' demo/$(1)/system.capnp $(demo_parts))

define demo
$(B)/demo/$(1).package: demo/$(1)/system.capnp $(call demo_parts,$(1)) $(SCHEMA) $(addprefix $(B)/programs/,$(call demo_embeds,$(1)))
	@mkdir -p $$(@D)
	$(Q)capnp eval -I. -I$(B)/programs -obinary $$< manifest >$$@
ALL += $(B)/demo/$(1).package
CHECKS += demo-$(1)

.PHONY: run-$(1) test-$(1) gdb-$(1) check-demo-$(1)
run-$(1): $(B)/demo/$(1).package $(B)/capos $(DEMO_KERNEL)
	@$(B)/capos boot $$<
gdb-$(1): $(B)/demo/$(1).package $(B)/capos $(DEBUG_KERNEL)
	@$(B)/capos gdb --kernel $(DEBUG_KERNEL) $$<
test-$(1) check-demo-$(1): $(B)/demo/$(1).package $(B)/capos $(DEMO_KERNEL)
	@failed=0; for machine in $(DEMO_MACHINES); do \
	    if $(B)/capos boot --virtual-time --machine $$$$machine --expect demo/$(1)/expect.txt $$<; \
	    then echo "ok demo-$(1) $$$$machine"; \
	    else echo "not ok demo-$(1) $$$$machine - differs from demo/$(1)/expect.txt"; failed=1; fi; \
	done; exit $$$$failed
endef
$(foreach d,$(DEMOS),$(eval $(call demo,$(d))))

# One demo through a bootable disc, the way a machine without QEMU's -kernel takes: GRUB under BIOS and under UEFI. Each
# suite has its own disc, so that they can run side by side.
ifneq ($(and $(filter $(SMALLEST_DEMO),$(DEMOS)),$(wildcard kernel/iso.sh)),)
CHECKS += iso-bios iso-uefi
.PHONY: check-iso-bios check-iso-uefi
$(B)/demo/$(SMALLEST_DEMO).%.iso: $(B)/demo/$(SMALLEST_DEMO).package $(DEMO_KERNEL) kernel/iso.sh
	$(Q)kernel/iso.sh $(DEMO_KERNEL) $< $@ ""
check-iso-bios check-iso-uefi: check-iso-%: $(B)/demo/$(SMALLEST_DEMO).%.iso $(B)/capos
	@if $(B)/capos boot $(if $(filter uefi,$*),--uefi) --expect demo/$(SMALLEST_DEMO)/expect.txt $<; \
	then echo "ok iso-$*"; else echo "not ok iso-$* - differs from demo/$(SMALLEST_DEMO)/expect.txt"; exit 1; fi
endif

# All demos once more on the kernel that checks its lock order and its own assertions as it runs.
ifneq ($(DEMOS),)
CHECKS += debug-kernel
.PHONY: check-debug-kernel
CHECK_SHARED += $(DEBUG_KERNEL)
check-debug-kernel: $(DEMOS:%=$(B)/demo/%.package) $(B)/capos $(DEBUG_KERNEL)
	@failed=0; for demo in $(DEMOS); do \
	    if $(B)/capos boot --virtual-time --kernel $(DEBUG_KERNEL) --expect demo/$$demo/expect.txt $(B)/demo/$$demo.package; \
	    then echo "ok debug-kernel $$demo"; \
	    else echo "not ok debug-kernel $$demo - differs from demo/$$demo/expect.txt"; failed=1; fi; \
	done; exit $$failed
endif

# And on several processors, where what happens at the same time really does. More than the machine has do no harm:
# then a processor can be stopped anywhere, for as long as another one's turn takes. These have the real clock; the demos
# that hold what happens against the clock are left out.
DEMOS_OF_TIME := c-async c-time
ifneq ($(DEMOS),)
CHECKS += cpus-2 cpus-4
.PHONY: check-cpus-2 check-cpus-4
check-cpus-2 check-cpus-4: check-cpus-%: $(DEMOS:%=$(B)/demo/%.package) $(B)/capos $(DEMO_KERNEL)
	@failed=0; for demo in $(filter-out $(DEMOS_OF_TIME),$(DEMOS)); do \
	    if $(B)/capos boot --cpus $* --expect demo/$$demo/expect.txt $(B)/demo/$$demo.package; \
	    then echo "ok cpus-$* $$demo"; \
	    else echo "not ok cpus-$* $$demo - differs from demo/$$demo/expect.txt"; failed=1; fi; \
	done; exit $$failed
endif

# The debugger's way in, shown on the same demo.
CHECKS += gdb
.PHONY: check-gdb
check-gdb: $(B)/demo/$(SMALLEST_DEMO).package $(B)/capos $(DEBUG_KERNEL)
	@tool/gdb/gdb_test.sh
