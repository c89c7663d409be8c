# init's validation and restart policy on the build machine: unit tests, and a fuzz target that also runs for a few seconds
# in each check.

# The names that manifests use for interfaces: all of schema/, as an X-macro.
INTERFACE_NAMES := $(B)/gen/interface_names_generated.h
GENERATED += $(INTERFACE_NAMES)
$(INTERFACE_NAMES): $(B)/gen/abi.lock
	$(Q)awk 'BEGIN { print "/* Generated from schema/: X(name, id) for every interface. */\n#pragma once\n#define INTERFACE_NAMES(X) \\" } \
	    $$1 == "interface" { print "    X(" $$3 ", UINT64_C(" $$2 ")) \\" } END { print "/* the end */" }' $< >$@
$(B)/programs/obj/server/init/interface_names.o: $(INTERFACE_NAMES)
$(B)/programs/obj/server/init/interface_names.o: PROGRAM_CFLAGS += -iquote $(B)/gen

PLAN_SRC := $(addprefix server/init/,plan.c plan_place.c plan_grants.c plan_order.c interface_names.c)
PLAN_TEST_SRC := $(PLAN_SRC) lib/capos/format.c \
                 $(foreach n,manifest process memory log exception,$(B)/gen/$(n)_types.c) $(CAPNP_SRC)
$(eval $(call unit_test,init-plan,server/init/plan_test.c $(PLAN_TEST_SRC),$(LIBCAPOS_TEST_CFLAGS) -Iserver/init -iquote $(B)/gen))
$(eval $(call unit_test,init-restart,server/init/restart_test.c server/init/restart.c,$(LIBCAPOS_TEST_CFLAGS) -Iserver/init -iquote $(B)/gen))

$(eval $(call fuzz_target,manifest,server/init/plan_fuzz.c $(PLAN_TEST_SRC),$(LIBCAPOS_TEST_CFLAGS) -Iserver/init -iquote $(B)/gen,server/init/corpus,60000))
