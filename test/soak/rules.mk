# The same for as long as you like, on the kernel that checks its own invariants:
#
#   make soak MINUTES=10 CPUS=4
#
# The suite demo-c-soak is six seconds of it. The transcript must come out the same, however long it ran.

MINUTES := 5
CPUS    := 4
SOAK    := $(B)/soak
SOAK_KERNEL := $(B)/kernel-debug/capos.elf

.PHONY: soak
soak: $(B)/capos $(SOAK_KERNEL) $(B)/programs/c-soak.elf ## random spawns, calls and kills for MINUTES=5 on CPUS=4 processors
	@mkdir -p $(SOAK)
	@sed 's/^      binary = "c-soak",/& args = ["c-soak", "$(shell echo $$(($(MINUTES) * 60)))"],/' \
	    demo/c-soak/system.capnp >$(SOAK)/system.capnp
	@grep -q 'args = ' $(SOAK)/system.capnp
	@sed -e 's/^%cpus .*/%cpus $(CPUS)/' -e '1a %timeout $(shell echo $$(($(MINUTES) * 60 + 300)))' \
	    demo/c-soak/expect.txt >$(SOAK)/expect.txt
	$(Q)capnp eval -I. -I$(B)/programs -obinary $(SOAK)/system.capnp manifest >$(SOAK)/c-soak.package
	@$(B)/capos boot --kernel $(SOAK_KERNEL) --expect $(SOAK)/expect.txt $(SOAK)/c-soak.package
	@echo "soak: $(MINUTES) min on $(CPUS) processors, all frames and objects returned"
