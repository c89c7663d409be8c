# init's validation on the build machine: unit tests, and a fuzz target that also runs for a few seconds in each check.

PLAN_TEST_SRC := server/init/plan.c lib/capos/format.c \
                 $(foreach n,manifest process memory log exception,$(B)/gen/$(n)_types.c) $(CAPNP_SRC)
$(eval $(call unit_test,init-plan,server/init/plan_test.c $(PLAN_TEST_SRC),$(LIBCAPOS_TEST_CFLAGS) -Iserver/init))

$(eval $(call fuzz_target,manifest,server/init/plan_fuzz.c $(PLAN_TEST_SRC),$(LIBCAPOS_TEST_CFLAGS) -Iserver/init,server/init/corpus,60000))
